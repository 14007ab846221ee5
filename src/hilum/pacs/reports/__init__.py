"""Results as a hospital's archive takes them: a structured report and a picture, for every film that was answered."""

from hilum.pacs.reports.common import device_uid, file_bytes
from hilum.pacs.reports.structured_report import build_report

__all__ = ["build_report", "device_uid", "file_bytes"]
