#!/usr/bin/env bash
# Question: a patient name in Chinese is written by pydicom with the code extension ISO 2022 IR 58 (GB 2312).  Which escape sequence stands
#           before the characters, and what comes back when the file is read again?
# Guess:    ESC $ ) A as PS3.3 C.12.1.1.3.2 has it, at the head of each component group, just as ISO 2022 IR 149 (Korean) gets ESC $ ) C;
#           and the name comes back.
# Seen:     Korean is as expected.  Chinese is written without any escape sequence, and nothing warns; read again, each byte is a letter
#           of Latin-1.  A name with the sequences of the standard is read with the right characters, and the sequences left in it.
# Matters:  who sends such names on must not take pydicom's bytes, nor decode those of others by pydicom alone.
# Versions: pydicom 3.0.2; 28 November 2026
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check pydicom==3.0.2

cat > look.py <<'PY'
import warnings
from io import BytesIO
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset

CHINESE = "Zhang^XiaoDong=\u5f20^\u5c0f\u4e1c"
KOREAN = "Hong^Gildong=\u6d2a^\u5409\u6d1e"

def written(term, name):
    data_set = Dataset()
    data_set.SpecificCharacterSet = ["", term]
    data_set.PatientName = name
    buffer = BytesIO()
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        data_set.save_as(buffer, implicit_vr=False, little_endian=True)
    return buffer.getvalue(), len(warned)

def read(data):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return str(read_dataset(BytesIO(data), is_implicit_VR=False, is_little_endian=True).PatientName)

korean, warned = written("ISO 2022 IR 149", KOREAN)
print("Korean: ", korean[-26:], "warnings:", warned)
assert b"\x1b$)C" in korean and read(korean) == KOREAN

chinese, warned = written("ISO 2022 IR 58", CHINESE)
print("Chinese:", chinese[-22:], "warnings:", warned)
assert b"\x1b" not in chinese and warned == 0
print("read back:", repr(read(chinese)))
assert read(chinese) == "Zhang^XiaoDong=" + "\u5f20^\u5c0f\u4e1c".encode("gb2312").decode("latin-1")

group = CHINESE.partition("=")[2]
value = b"Zhang^XiaoDong=" + b"^".join(b"\x1b$)A" + part.encode("gb2312") for part in group.split("^"))
value += b" " * (len(value) & 1)
standard = b"\x08\0\x05\0CS\x10\0" + b"\\ISO 2022 IR 58 "[:16] + b"\x10\0\x10\0PN" + len(value).to_bytes(2, "little") + value
print("with the escape sequences of the standard:", repr(read(standard)))
assert read(standard) == CHINESE.replace("=", "=\x1b$)A").replace("^\u5c0f", "^\x1b$)A\u5c0f")
PY
venv/bin/python look.py
echo "as on 28 November 2026"
