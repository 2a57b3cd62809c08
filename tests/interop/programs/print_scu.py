"""Printing as SCU, as programs for pynetdicom do it: print_scu.py PORT [AET].

Prints each status.
"""

# pyright: reportAttributeAccessIssue=false

import sys

from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.uid import generate_uid
from pynetdicom import AE
from pynetdicom.sop_class import (  # type: ignore[attr-defined,unused-ignore]
    BasicFilmBox,
    BasicFilmSession,
    BasicGrayscaleImageBox,
    BasicGrayscalePrintManagementMeta,
    Printer,
    PrinterInstance,
)


def show(name: str, status: Dataset) -> None:
    if not status:
        print(name, "timed out, was aborted or got an invalid response")
        sys.exit(2)
    print(f"{name} 0x{status.Status:04x}")


ae = AE(ae_title="PRINTSCU")
ae.add_requested_context(BasicGrayscalePrintManagementMeta)
assoc = ae.associate("127.0.0.1", int(sys.argv[1]), ae_title=(sys.argv[2:] or ["ANY-SCP"])[0])
if not assoc.is_established:
    print("Association rejected, aborted or never connected")
    sys.exit(1)

meta = BasicGrayscalePrintManagementMeta
status, attributes = assoc.send_n_get([Tag("PrinterStatus")], Printer, PrinterInstance, meta_uid=meta)
show("printer", status)
if attributes:
    print("  status", attributes.PrinterStatus)

session = Dataset()
session.NumberOfCopies = "1"
session.PrintPriority = "LOW"
session.MediumType = "PAPER"
session.FilmDestination = "PROCESSOR"
session_uid = generate_uid()
status, _ = assoc.send_n_create(session, BasicFilmSession, session_uid, meta_uid=meta)
show("film session", status)

box = Dataset()
box.ImageDisplayFormat = "STANDARD\\1,1"
box.FilmOrientation = "PORTRAIT"
box.FilmSizeID = "A4"
item = Dataset()
item.ReferencedSOPClassUID = BasicFilmSession
item.ReferencedSOPInstanceUID = session_uid
box.ReferencedFilmSessionSequence = [item]
# The printer chooses the instance: it comes with the response.
box_uid = generate_uid()
status, attributes = assoc.send_n_create(box, BasicFilmBox, box_uid, meta_uid=meta)
show("film box", status)

image = Dataset()
image.SamplesPerPixel = 1
image.PhotometricInterpretation = "MONOCHROME2"
image.Rows = image.Columns = 64
image.PixelAspectRatio = ["1", "1"]
image.BitsAllocated = image.BitsStored = 8
image.HighBit = 7
image.PixelRepresentation = 0
image.PixelData = bytes(range(64)) * 64
image["PixelData"].VR = "OB"
content = Dataset()
content.ImageBoxPosition = 1
content.BasicGrayscaleImageSequence = [image]
boxes = attributes.ReferencedImageBoxSequence  # type: ignore[union-attr]
print("  image boxes", len(boxes))
status, _ = assoc.send_n_set(content, BasicGrayscaleImageBox, boxes[0].ReferencedSOPInstanceUID, meta_uid=meta)
show("image box", status)

status, _ = assoc.send_n_action(None, 1, BasicFilmBox, box_uid, meta_uid=meta)
show("printed", status)
show("session deleted", assoc.send_n_delete(BasicFilmSession, session_uid, meta_uid=meta))
assoc.release()
