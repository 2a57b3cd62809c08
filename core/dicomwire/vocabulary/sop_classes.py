"""SOP classes by keyword, and which service class serves each (PS3.4, PS3.6 table A-1)."""

from collections import UserDict
from keyword import iskeyword

from pydicom.config import IGNORE
from pydicom.uid import UID

from dicomwire.vocabulary import sop_class_table as table
from dicomwire.vocabulary.served_sop_classes import (
    forget,
    is_known as is_known,
    message_of,
    serve,
    service_class_named,
    uid_to_messages as uid_to_messages,
    uid_to_service_class as uid_to_service_class,
)
from dicomwire.vocabulary.service_classes import C_FIND, C_GET, C_MOVE, QueryRetrieveServiceClass, ServiceClass


class SOPClass(UID):
    """The UID of a SOP class, which knows its service class.  ``SOPClass(x)`` of an instance is that instance."""

    def __new__(cls, val: str, validation_mode: int | None = IGNORE) -> "SOPClass":
        if isinstance(val, SOPClass):
            return val
        return super().__new__(cls, val, validation_mode)  # type: ignore[return-value]

    @property
    def service_class(self) -> type[ServiceClass]:
        """The service class registered for it, at present."""
        return uid_to_service_class(self)


def uid_to_sop_class(uid: str) -> SOPClass:
    """The SOP class with that UID; unknown: a new one, whose service class is the base `ServiceClass`."""
    return _SOP_CLASSES.get(uid) or SOPClass(uid)


def register_uid(uid: str, keyword: str, service_class: type[ServiceClass], dimse_msg_type: str = "") -> None:
    """Make `uid` importable as ``sop_class.<keyword>`` and have `service_class` serve it.

    `dimse_msg_type` is needed for query/retrieve classes: ``"C-FIND"``, ``"C-GET"`` or ``"C-MOVE"``.  `ValueError` if
    it is missing, or if `keyword` is not an identifier, a word of Python or a name that this module needs; `TypeError`
    if `service_class` is not derived from `ServiceClass`.  Nothing is registered then.
    """
    if not keyword.isidentifier() or iskeyword(keyword) or keyword.startswith("__"):
        raise ValueError(f"{keyword!r} cannot be the name of a SOP class")
    if not _can_be_named(keyword):
        raise ValueError(f"{keyword!r} is the name of something else in {__name__}")
    if not isinstance(service_class, type) or not issubclass(service_class, ServiceClass):
        raise TypeError(f"{service_class!r} is not derived from ServiceClass")
    message = None
    if issubclass(service_class, QueryRetrieveServiceClass):
        if dimse_msg_type not in _RETRIEVE_MESSAGES:
            raise ValueError(f"'dimse_msg_type' must be one of {', '.join(_RETRIEVE_MESSAGES)}, not {dimse_msg_type!r}")
        message = _RETRIEVE_MESSAGES[dimse_msg_type]
    _register(SOPClass(uid), keyword, service_class, message)
    group = _GROUPS.get(service_class)
    if group is not None:
        group.data[keyword] = uid


class SOPClassGroup(UserDict[str, str]):
    """The UIDs of the SOP classes of one service class, by keyword.

    What is written into it is registered, and what is deleted from it is no longer served, as programs expect that
    add private SOP classes to pynetdicom's ``_STORAGE_CLASSES``.  Prefer :func:`register_uid`, which is documented.
    """

    def __init__(self, service_class: type[ServiceClass]) -> None:
        self.service_class = service_class
        super().__init__()

    def __setitem__(self, keyword: str, uid: str) -> None:
        """Register a SOP class; ValueError if the keyword is a name that this module needs."""
        if not _can_be_named(keyword):
            raise ValueError(f"{keyword!r} is the name of something else in {__name__}")
        retrieve = issubclass(self.service_class, QueryRetrieveServiceClass)
        _register(SOPClass(uid), keyword, self.service_class, message_of(keyword) if retrieve else None)
        super().__setitem__(keyword, uid)

    def __delitem__(self, keyword: str) -> None:
        """Forget a SOP class: requests of it are refused from now on."""
        uid = self[keyword]
        super().__delitem__(keyword)
        if uid not in self.data.values():
            forget(uid)


def _can_be_named(keyword: str) -> bool:
    return keyword not in globals() or isinstance(globals()[keyword], UID)


def _register(sop_class: SOPClass, keyword: str, service_class: type[ServiceClass], message: int | None) -> None:
    globals()[keyword] = _SOP_CLASSES[sop_class] = sop_class
    serve(sop_class, service_class, message)


def _name_table() -> None:
    for service, sop_classes in table.SOP_CLASSES.items():
        service_class = service_class_named(service)
        group = SOPClassGroup(service_class)
        # Served they are already.
        group.data.update(sop_classes)
        for keyword, uid in sop_classes.items():
            globals()[keyword] = _SOP_CLASSES[uid] = SOPClass(uid)
        globals()[table.GROUPS[service]] = group
        if service_class is not ServiceClass:
            _GROUPS[service_class] = group
            # Programs for pynetdicom import it from here, too.
            globals()[service_class.__name__] = service_class
    globals().update({alias: globals()[keyword] for keyword, alias in table.ALIASES.items()})
    globals().update({keyword: UID(uid) for keyword, uid in table.WELL_KNOWN_INSTANCES.items()})


_RETRIEVE_MESSAGES = {"C-FIND": C_FIND, "C-GET": C_GET, "C-MOVE": C_MOVE}
_SOP_CLASSES: dict[str, SOPClass] = {}
_GROUPS: dict[type[ServiceClass], SOPClassGroup] = {}

_name_table()

# The names that the table has just defined, for type checkers.

# The groups, under the names that programs for pynetdicom write into.
_VERIFICATION_CLASSES: SOPClassGroup
_STORAGE_CLASSES: SOPClassGroup
_QR_CLASSES: SOPClassGroup
_BASIC_WORKLIST_CLASSES: SOPClassGroup
_COLOR_PALETTE_CLASSES: SOPClassGroup
_DEFINED_PROCEDURE_CLASSES: SOPClassGroup
_HANGING_PROTOCOL_CLASSES: SOPClassGroup
_IMPLANT_TEMPLATE_CLASSES: SOPClassGroup
_INVENTORY_CLASSES: SOPClassGroup
_PROTOCOL_APPROVAL_CLASSES: SOPClassGroup
_RELEVANT_PATIENT_QUERY_CLASSES: SOPClassGroup
_SUBSTANCE_ADMINISTRATION_CLASSES: SOPClassGroup
_NON_PATIENT_OBJECT_CLASSES: SOPClassGroup
_MEDIA_STORAGE_CLASSES: SOPClassGroup
_APPLICATION_EVENT_CLASSES: SOPClassGroup
_DISPLAY_SYSTEM_CLASSES: SOPClassGroup
_INSTANCE_AVAILABILITY_CLASSES: SOPClassGroup
_MEDIA_CREATION_CLASSES: SOPClassGroup
_PRINT_MANAGEMENT_CLASSES: SOPClassGroup
_PROCEDURE_STEP_CLASSES: SOPClassGroup
_RT_MACHINE_VERIFICATION_CLASSES: SOPClassGroup
_STORAGE_COMMITMENT_CLASSES: SOPClassGroup
_STORAGE_MANAGEMENT_CLASSES: SOPClassGroup
_UNIFIED_PROCEDURE_STEP_CLASSES: SOPClassGroup

# VerificationServiceClass
Verification: SOPClass

# StorageServiceClass
ComputedRadiographyImageStorage: SOPClass
DigitalXRayImageStorageForPresentation: SOPClass
DigitalXRayImageStorageForProcessing: SOPClass
DigitalMammographyXRayImageStorageForPresentation: SOPClass
DigitalMammographyXRayImageStorageForProcessing: SOPClass
DigitalIntraOralXRayImageStorageForPresentation: SOPClass
DigitalIntraOralXRayImageStorageForProcessing: SOPClass
CTImageStorage: SOPClass
EnhancedCTImageStorage: SOPClass
LegacyConvertedEnhancedCTImageStorage: SOPClass
UltrasoundMultiFrameImageStorage: SOPClass
MRImageStorage: SOPClass
EnhancedMRImageStorage: SOPClass
MRSpectroscopyStorage: SOPClass
EnhancedMRColorImageStorage: SOPClass
LegacyConvertedEnhancedMRImageStorage: SOPClass
UltrasoundImageStorage: SOPClass
EnhancedUSVolumeStorage: SOPClass
PhotoacousticImageStorage: SOPClass
SecondaryCaptureImageStorage: SOPClass
MultiFrameSingleBitSecondaryCaptureImageStorage: SOPClass
MultiFrameGrayscaleByteSecondaryCaptureImageStorage: SOPClass
MultiFrameGrayscaleWordSecondaryCaptureImageStorage: SOPClass
MultiFrameTrueColorSecondaryCaptureImageStorage: SOPClass
TwelveLeadECGWaveformStorage: SOPClass
GeneralECGWaveformStorage: SOPClass
AmbulatoryECGWaveformStorage: SOPClass
General32bitECGWaveformStorage: SOPClass
HemodynamicWaveformStorage: SOPClass
CardiacElectrophysiologyWaveformStorage: SOPClass
BasicVoiceAudioWaveformStorage: SOPClass
GeneralAudioWaveformStorage: SOPClass
ArterialPulseWaveformStorage: SOPClass
RespiratoryWaveformStorage: SOPClass
MultichannelRespiratoryWaveformStorage: SOPClass
RoutineScalpElectroencephalogramWaveformStorage: SOPClass
ElectromyogramWaveformStorage: SOPClass
ElectrooculogramWaveformStorage: SOPClass
SleepElectroencephalogramWaveformStorage: SOPClass
BodyPositionWaveformStorage: SOPClass
WaveformPresentationStateStorage: SOPClass
WaveformAcquisitionPresentationStateStorage: SOPClass
GrayscaleSoftcopyPresentationStateStorage: SOPClass
ColorSoftcopyPresentationStateStorage: SOPClass
PseudoColorSoftcopyPresentationStageStorage: SOPClass
BlendingSoftcopyPresentationStateStorage: SOPClass
XAXRFGrayscaleSoftcopyPresentationStateStorage: SOPClass
GrayscalePlanarMPRVolumetricPresentationStateStorage: SOPClass
CompositingPlanarMPRVolumetricPresentationStateStorage: SOPClass
AdvancedBlendingPresentationStateStorage: SOPClass
VolumeRenderingVolumetricPresentationStateStorage: SOPClass
SegmentedVolumeRenderingVolumetricPresentationStateStorage: SOPClass
MultipleVolumeRenderingVolumetricPresentationStateStorage: SOPClass
VariableModalityLUTSoftcopyPresentationStageStorage: SOPClass
XRayAngiographicImageStorage: SOPClass
EnhancedXAImageStorage: SOPClass
XRayRadiofluoroscopicImageStorage: SOPClass
EnhancedXRFImageStorage: SOPClass
XRay3DAngiographicImageStorage: SOPClass
XRay3DCraniofacialImageStorage: SOPClass
BreastTomosynthesisImageStorage: SOPClass
BreastProjectionXRayImageStorageForPresentation: SOPClass
BreastProjectionXRayImageStorageForProcessing: SOPClass
IntravascularOpticalCoherenceTomographyImageStorageForPresentation: SOPClass
IntravascularOpticalCoherenceTomographyImageStorageForProcessing: SOPClass
NuclearMedicineImageStorage: SOPClass
ParametricMapStorage: SOPClass
RawDataStorage: SOPClass
SpatialRegistrationStorage: SOPClass
SpatialFiducialsStorage: SOPClass
DeformableSpatialRegistrationStorage: SOPClass
SegmentationStorage: SOPClass
SurfaceSegmentationStorage: SOPClass
TractographyResultsStorage: SOPClass
LabelMapSegmentationStorage: SOPClass
HeightMapSegmentationStorage: SOPClass
RealWorldValueMappingStorage: SOPClass
SurfaceScanMeshStorage: SOPClass
SurfaceScanPointCloudStorage: SOPClass
VLEndoscopicImageStorage: SOPClass
VideoEndoscopicImageStorage: SOPClass
VLMicroscopicImageStorage: SOPClass
VideoMicroscopicImageStorage: SOPClass
VLSlideCoordinatesMicroscopicImageStorage: SOPClass
VLPhotographicImageStorage: SOPClass
VideoPhotographicImageStorage: SOPClass
OphthalmicPhotography8BitImageStorage: SOPClass
OphthalmicPhotography16BitImageStorage: SOPClass
StereometricRelationshipStorage: SOPClass
OphthalmicTomographyImageStorage: SOPClass
WideFieldOphthalmicPhotographyStereographicProjectionImageStorage: SOPClass
WideFieldOphthalmicPhotography3DCoordinatesImageStorage: SOPClass
OphthalmicOpticalCoherenceTomographyEnFaceImageStorage: SOPClass
OphthlamicOpticalCoherenceTomographyBscanVolumeAnalysisStorage: SOPClass
VLWholeSlideMicroscopyImageStorage: SOPClass
DermoscopicPhotographyImageStorage: SOPClass
ConfocalMicroscopyImageStorage: SOPClass
ConfocalMicroscopyTiledPyramidalImageStorage: SOPClass
LensometryMeasurementsStorage: SOPClass
AutorefractionMeasurementsStorage: SOPClass
KeratometryMeasurementsStorage: SOPClass
SubjectiveRefractionMeasurementsStorage: SOPClass
VisualAcuityMeasurementsStorage: SOPClass
SpectaclePrescriptionReportStorage: SOPClass
OphthalmicAxialMeasurementsStorage: SOPClass
IntraocularLensCalculationsStorage: SOPClass
MacularGridThicknessAndVolumeReportStorage: SOPClass
OphthalmicVisualFieldStaticPerimetryMeasurementsStorage: SOPClass
OphthalmicThicknessMapStorage: SOPClass
CornealTopographyMapStorage: SOPClass
BasicTextSRStorage: SOPClass
EnhancedSRStorage: SOPClass
ComprehensiveSRStorage: SOPClass
Comprehensive3DSRStorage: SOPClass
ExtensibleSRStorage: SOPClass
ProcedureLogStorage: SOPClass
MammographyCADSRStorage: SOPClass
KeyObjectSelectionDocumentStorage: SOPClass
ChestCADSRStorage: SOPClass
XRayRadiationDoseSRStorage: SOPClass
RadiopharmaceuticalRadiationDoseSRStorage: SOPClass
ColonCADSRStorage: SOPClass
ImplantationPlanSRStorage: SOPClass
AcquisitionContextSRStorage: SOPClass
SimplifiedAdultEchoSRStorage: SOPClass
PatientRadiationDoseSRStorage: SOPClass
PlannedImagingAgentAdministrationSRStorage: SOPClass
PerformedImagingAgentAdministrationSRStorage: SOPClass
EnhancedXRayRadiationDoseSRStorage: SOPClass
WaveformAnnotationSRStorage: SOPClass
ContentAssessmentResultsStorage: SOPClass
MicroscopyBulkSimpleAnnotationsStorage: SOPClass
EncapsulatedPDFStorage: SOPClass
EncapsulatedCDAStorage: SOPClass
EncapsulatedSTLStorage: SOPClass
EncapsulatedOBJStorage: SOPClass
EncapsulatedMTLStorage: SOPClass
PositronEmissionTomographyImageStorage: SOPClass
LegacyConvertedEnhancedPETImageStorage: SOPClass
EnhancedPETImageStorage: SOPClass
BasicStructuredDisplayStorage: SOPClass
CTPerformedProcedureProtocolStorage: SOPClass
XAPerformedProcedureProtocolStorage: SOPClass
RTImageStorage: SOPClass
RTDoseStorage: SOPClass
RTStructureSetStorage: SOPClass
RTBeamsTreatmentRecordStorage: SOPClass
RTPlanStorage: SOPClass
RTBrachyTreatmentRecordStorage: SOPClass
RTTreatmentSummaryRecordStorage: SOPClass
RTIonPlanStorage: SOPClass
RTIonBeamsTreatmentRecordStorage: SOPClass
RTPhysicianIntentStorage: SOPClass
RTSegmentAnnotationStorage: SOPClass
RTRadiationSetStorage: SOPClass
CArmPhotonElectronRadiationStorage: SOPClass
TomotherapeuticRadiationStorage: SOPClass
RoboticArmRadiationStorage: SOPClass
RTRadiationRecordSetStorage: SOPClass
RTRadiationSalvageRecordStorage: SOPClass
TomotherapeuticRadiationRecordStorage: SOPClass
CArmPhotonElectronRadiationRecordStorage: SOPClass
RoboticArmRadiationRecordStorage: SOPClass
RTRadiationSetDeliveryInstructionStorage: SOPClass
RTTreatmentPreparationStorage: SOPClass
EnhancedRTImageStorage: SOPClass
EnhancedContinuousRTImageStorage: SOPClass
RTPatientPositionAcquisitionInstructionStorage: SOPClass
RTBeamsDeliveryInstructionStorage: SOPClass
RTBrachyApplicationSetupDeliveryInstructionsStorage: SOPClass
PseudoColorSoftcopyPresentationStateStorage: SOPClass
VariableModalityLUTSoftcopyPresentationStateStorage: SOPClass
OphthalmicOpticalCoherenceTomographyBscanVolumeAnalysisStorage: SOPClass
RoboticRadiationRecordStorage: SOPClass
RTBrachyApplicationSetupDeliveryInstructionStorage: SOPClass

# QueryRetrieveServiceClass
RepositoryQuery: SOPClass
PatientRootQueryRetrieveInformationModelFind: SOPClass
PatientRootQueryRetrieveInformationModelMove: SOPClass
PatientRootQueryRetrieveInformationModelGet: SOPClass
StudyRootQueryRetrieveInformationModelFind: SOPClass
StudyRootQueryRetrieveInformationModelMove: SOPClass
StudyRootQueryRetrieveInformationModelGet: SOPClass
PatientStudyOnlyQueryRetrieveInformationModelFind: SOPClass
PatientStudyOnlyQueryRetrieveInformationModelMove: SOPClass
PatientStudyOnlyQueryRetrieveInformationModelGet: SOPClass
CompositeInstanceRootRetrieveMove: SOPClass
CompositeInstanceRootRetrieveGet: SOPClass
CompositeInstanceRetrieveWithoutBulkDataGet: SOPClass

# BasicWorklistManagementServiceClass
ModalityWorklistInformationFind: SOPClass
ModalityWorklistInformationModelFind: SOPClass

# ColorPaletteQueryRetrieveServiceClass
ColorPaletteInformationModelFind: SOPClass
ColorPaletteInformationModelMove: SOPClass
ColorPaletteInformationModelGet: SOPClass
ColorPaletteQueryRetrieveInformationModelFind: SOPClass
ColorPaletteQueryRetrieveInformationModelMove: SOPClass
ColorPaletteQueryRetrieveInformationModelGet: SOPClass

# DefinedProcedureProtocolQueryRetrieveServiceClass
DefinedProcedureProtocolInformationModelFind: SOPClass
DefinedProcedureProtocolInformationModelMove: SOPClass
DefinedProcedureProtocolInformationModelGet: SOPClass

# HangingProtocolQueryRetrieveServiceClass
HangingProtocolInformationModelFind: SOPClass
HangingProtocolInformationModelMove: SOPClass
HangingProtocolInformationModelGet: SOPClass

# ImplantTemplateQueryRetrieveServiceClass
GenericImplantTemplateInformationModelFind: SOPClass
GenericImplantTemplateInformationModelMove: SOPClass
GenericImplantTemplateInformationModelGet: SOPClass
ImplantAssemblyTemplateInformationModelFind: SOPClass
ImplantAssemblyTemplateInformationModelMove: SOPClass
ImplantAssemblyTemplateInformationModelGet: SOPClass
ImplantTemplateGroupInformationModelFind: SOPClass
ImplantTemplateGroupInformationModelMove: SOPClass
ImplantTemplateGroupInformationModelGet: SOPClass

# InventoryQueryRetrieveServiceClass
InventoryFind: SOPClass
InventoryMove: SOPClass
InventoryGet: SOPClass

# ProtocolApprovalQueryRetrieveServiceClass
ProtocolApprovalInformationModelFind: SOPClass
ProtocolApprovalInformationModelMove: SOPClass
ProtocolApprovalInformationModelGet: SOPClass

# RelevantPatientInformationQueryServiceClass
GeneralRelevantPatientInformationQuery: SOPClass
BreastImagingRelevantPatientInformationQuery: SOPClass
CardiacRelevantPatientInformationQuery: SOPClass

# SubstanceAdministrationQueryServiceClass
ProductCharacteristicsQuery: SOPClass
SubstanceApprovalQuery: SOPClass

# NonPatientObjectStorageServiceClass
CTDefinedProcedureProtocolStorage: SOPClass
ProtocolApprovalStorage: SOPClass
XADefinedProcedureProtocolStorage: SOPClass
InventoryStorage: SOPClass
HangingProtocolStorage: SOPClass
ColorPaletteStorage: SOPClass
GenericImplantTemplateStorage: SOPClass
ImplantAssemblyTemplateStorage: SOPClass
ImplantTemplateGroupStorage: SOPClass

# ServiceClass
MediaStorageDirectoryStorage: SOPClass

# ApplicationEventLoggingServiceClass
ProceduralEventLogging: SOPClass
SubstanceAdministrationLogging: SOPClass

# DisplaySystemManagementServiceClass
DisplaySystem: SOPClass

# InstanceAvailabilityNotificationServiceClass
InstanceAvailabilityNotification: SOPClass

# MediaCreationManagementServiceClass
MediaCreationManagement: SOPClass

# PrintManagementServiceClass
BasicFilmSession: SOPClass
BasicFilmBox: SOPClass
BasicGrayscaleImageBox: SOPClass
BasicColorImageBox: SOPClass
BasicGrayscalePrintManagementMeta: SOPClass
PrintJob: SOPClass
BasicAnnotationBox: SOPClass
Printer: SOPClass
PrinterConfigurationRetrieval: SOPClass
BasicColorPrintManagementMeta: SOPClass
PresentationLUT: SOPClass

# ProcedureStepServiceClass
ModalityPerformedProcedureStep: SOPClass
ModalityPerformedProcedureStepRetrieve: SOPClass
ModalityPerformedProcedureStepNotification: SOPClass

# RTMachineVerificationServiceClass
RTConventionalMachineVerification: SOPClass
RTIonMachineVerification: SOPClass

# StorageCommitmentServiceClass
StorageCommitmentPushModel: SOPClass

# StorageManagementServiceClass
InventoryCreation: SOPClass

# UnifiedProcedureStepServiceClass
UnifiedProcedureStepPush: SOPClass
UnifiedProcedureStepWatch: SOPClass
UnifiedProcedureStepPull: SOPClass
UnifiedProcedureStepEvent: SOPClass
UnifiedProcedureStepQuery: SOPClass

# Well-known instances
DisplaySystemInstance: UID
PrinterConfigurationRetrievalInstance: UID
PrinterInstance: UID
ProceduralEventLoggingInstance: UID
StorageCommitmentPushModelInstance: UID
StorageManagementInstance: UID
SubstanceAdministrationLoggingInstance: UID
UPSFilteredGlobalSubscriptionInstance: UID
UPSGlobalSubscriptionInstance: UID
