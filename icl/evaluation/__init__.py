"""Evaluation: rows of questions, asked of a codec and a language model, kept as records."""

from icl.evaluation.models import Models
from icl.evaluation.record import Record, RecordError, RecordFile, read_records
from icl.evaluation.row import Protocol, Row, load_protocol, protocols
from icl.evaluation.run import EvaluationStopped, evaluate

__all__ = [
    "EvaluationStopped",
    "Models",
    "Protocol",
    "Record",
    "RecordError",
    "RecordFile",
    "Row",
    "evaluate",
    "load_protocol",
    "protocols",
    "read_records",
]
