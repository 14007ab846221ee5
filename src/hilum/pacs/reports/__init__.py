"""Results as a hospital's archive takes them: a structured report and a picture, for every film that was answered."""

from hilum.pacs.reports.capture import build_capture
from hilum.pacs.reports.capture_picture import draw_capture
from hilum.pacs.reports.common import device_uid, file_bytes
from hilum.pacs.reports.structured_report import build_report

__all__ = ["build_capture", "build_report", "device_uid", "draw_capture", "file_bytes"]
