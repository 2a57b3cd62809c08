"""The table of bars: what is counted, and how many there may be.  Who makes it less lowers it here."""

from __future__ import annotations

from tests.house import counting

BARS: dict[str, tuple[counting.Count, int]] = {
    "import circles, type-only imports included": (counting.circles, 0),
    "files in import circles": (counting.files_in_circles, 0),
    "private names of other files, through an object": (counting.through_an_object, 3),
    "private names of other files, in a subclass": (counting.in_a_subclass, 0),
    "private names of other files, imported": (counting.imported_private, 0),
    "private names of other packages, in any way": (counting.across_packages, 0),
    "files over 450 lines that are no tables of data": (counting.long_files, 0),
    "files of adapters over 400 lines": (counting.long_adapter_files, 0),
    "module names that occur twice": (counting.module_names_twice, 0),
    "class names that occur twice": (counting.class_names_twice, 0),
    "imports of one test module by another": (counting.imports_of_test_modules, 0),
    "tests of more than eight assertions": (counting.long_tests, 0),
}
