"""A look over time at a detector in use: statistics of its answers that may be looked at again and again.

detectors = over_time(observations, {seal: Expected(spec.scores, 0.01)})
detectors[0].scores                     # against validation's, with evidence that holds at every look
detectors[0].agreement                  # with readers' verdicts, and what holds of films that nobody has read
"""

from hilum.monitoring.confidence_sequences import LEVEL, share_interval
from hilum.monitoring.over_time import LEAST_FILMS, over_time
from hilum.monitoring.page import body_of, write_report
from hilum.monitoring.score_bins import ScoreBins, score_bins
from hilum.monitoring.score_evidence import evidence_path, log_evidence
from hilum.monitoring.statements import Statement, statements
from hilum.monitoring.time_record import Agreement, DayCount, DetectorInUse, Expected, ScorePath, SharePath
from hilum.monitoring.verification import Accuracies, VerifiedShare, verified_accuracies

__all__ = [
    "LEAST_FILMS",
    "LEVEL",
    "Accuracies",
    "Agreement",
    "DayCount",
    "DetectorInUse",
    "Expected",
    "ScoreBins",
    "ScorePath",
    "SharePath",
    "Statement",
    "VerifiedShare",
    "body_of",
    "evidence_path",
    "log_evidence",
    "over_time",
    "score_bins",
    "share_interval",
    "statements",
    "verified_accuracies",
    "write_report",
]
