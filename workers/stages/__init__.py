"""The stages by the names that plans call them."""

from workers.stages import enroll, fit, ingest, mix, package, synthesize
from workers.stages.base import Stage

STAGES: dict[str, Stage] = {
    "synthesize": synthesize.run,
    "fit": fit.run,
    "mix": mix.run,
    "package": package.run,
    "ingest": ingest.run,
    "enroll": enroll.run,
}
