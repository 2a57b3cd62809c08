#!/bin/bash -eu
# Builds every target of fuzz/targets with its seeds and the dictionary.  Those that compare with pynetdicom are for
# developers.

# apps: the keyword paths are in them.
pip3 install '.[apps]'

for path in fuzz/targets/*.py; do
  target=$(basename -s .py "$path")
  case "$target" in __init__ | pynetdicom_*) continue ;; esac

  cat >"$SRC/fuzz_$target.py" <<PYTHON
import sys
import atheris

# What is imported later is instrumented too: this is never left.
with atheris.instrument_imports(include=["dicomwire"]):
    from fuzz.targets import $target as target
    atheris.Setup(sys.argv, target.one_input)
    atheris.Fuzz()
PYTHON
  # Much of it is imported when it is needed, which nothing shows beforehand.
  compile_python_fuzzer "$SRC/fuzz_$target.py" --paths "$SRC/dicomwire" \
    --collect-submodules dicomwire --collect-submodules pydicom

  python3 -m fuzz seeds "$WORK/seeds" "$target"
  zip -qj "$OUT/fuzz_${target}_seed_corpus.zip" "$WORK/seeds/$target"/*
  cp fuzz/dicom.dict "$OUT/fuzz_$target.dict"
done
