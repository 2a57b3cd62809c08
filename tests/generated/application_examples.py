"""An example of each application, for its page."""

from __future__ import annotations

EXAMPLES = {
    "conformance": ["dicomwire conformance --html -o statement.html storescp --uncompressed-only"],
    "demo": ["dicomwire demo"],
    "echoscp": ["dicomwire echoscp 11112 -ba 127.0.0.1 -v"],
    "echoscu": ["dicomwire echoscu 127.0.0.1 11112 -aec ARCHIVE -v"],
    "explain": ["dicomwire explain archive.example.org 104 -aec ARCHIVE"],
    "findscu": [
        "dicomwire findscu 127.0.0.1 11112 -S -k QueryRetrieveLevel=STUDY -k PatientName=Doe* -k StudyInstanceUID",
        "dicomwire findscu 127.0.0.1 11112 -S -k QueryRetrieveLevel=STUDY -k PatientName --csv studies.csv",
    ],
    "getscu": ["dicomwire getscu 127.0.0.1 11112 -S -k QueryRetrieveLevel=STUDY -k StudyInstanceUID=1.2.3.4 -od in"],
    "movescu": [
        "dicomwire movescu 127.0.0.1 11112 -S -k QueryRetrieveLevel=STUDY -k StudyInstanceUID=1.2.3.4 -aem WORKSTATION"
    ],
    "storescp": ["dicomwire storescp 11112 -od received --file-names '{PatientID}/{SOPInstanceUID}.dcm'"],
    "storescu": [
        "dicomwire storescu 127.0.0.1 11112 -r folder",
        "dicomwire storescu 127.0.0.1 11112 -r folder --jobs 4 --retries 8 --report sent.jsonl",
        "find folder -name '*.dcm' -print0 | dicomwire storescu 127.0.0.1 11112 - -0",
    ],
    "trace": ["dicomwire trace show recorded.trace"],
    "tunnel": ["dicomwire storescu 127.0.0.1 11112 folder --proxy-command 'ssh gateway dicomwire tunnel %h %p'"],
    "wlmscp": [
        "dicomwire wlmscp 11112 worklist -ba 127.0.0.1 -v",
        "dicomwire wlmscp 11112 today.csv --names-in-any-case",
    ],
}
"""Commands by application."""
