"""What is wrong with a set of films: duplicates, leaks, shortcuts, outliers, label errors.

    found = hilum.audit("chest_xray")
    for finding in found.findings: print(finding.severity, finding.sentence)
    auditing.write_audit(found, Path("out"))                      # audit.json and audit.html

Each check is a function of arrays that returns findings; `audit` runs them all, `quick_audit` those that need no
pixels.
"""

from hilum.auditing.audit_page import audit_json, write_audit
from hilum.auditing.audit_record import AuditRecord
from hilum.auditing.finding import SEVERITIES, Finding, sentences
from hilum.auditing.header_audit import quick_audit
from hilum.auditing.result import Audit
from hilum.auditing.runner import audit, audit_seen
from hilum.auditing.survey import Survey, survey

__all__ = [
    "SEVERITIES",
    "Audit",
    "AuditRecord",
    "Finding",
    "Survey",
    "audit",
    "audit_json",
    "audit_seen",
    "quick_audit",
    "sentences",
    "survey",
    "write_audit",
]
