"""Films that a node fetches by itself: from Orthanc, from a DICOMweb server, from a folder."""
