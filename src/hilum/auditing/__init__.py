"""What is wrong with a set of films: copies, leaks, shortcuts, odd films, doubtful labels.

    made = audit.audit(films.index("chest_xray", cut=False))
    for finding in made.findings: print(finding.severity, finding.sentence)
    auditing.write_audit(made, Path("out"))                       # audit.json and audit.html

Each check is a function of arrays that gives findings; `audit` runs them all, `quick_audit` those that need no pixel.
"""

from hilum.auditing.audit_page import write_audit
from hilum.auditing.finding import SEVERITIES, Finding, sentences
from hilum.auditing.header_audit import quick_audit
from hilum.auditing.runner import Audit, audit, audit_seen
from hilum.auditing.survey import Survey, survey

__all__ = [
    "SEVERITIES",
    "Audit",
    "Finding",
    "Survey",
    "audit",
    "audit_seen",
    "quick_audit",
    "sentences",
    "survey",
    "write_audit",
]
