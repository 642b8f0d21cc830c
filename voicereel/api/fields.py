"""Field types of the request models. The bounds are those of openapi.yaml; a test compares them."""

import re
from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError, PydanticKnownError

from voicereel.api.moments import parse_moment


class Strict(BaseModel):
    """A part of a request body: no coercion, no unknown fields, no NaN or infinity."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)


def _whole(value: object) -> object:
    """JSON Schema counts 1.0 as an integer, and true as none; Python sees both the other way."""
    if isinstance(value, bool):
        raise PydanticKnownError("int_type")
    return int(value) if isinstance(value, float) and value.is_integer() else value


# The default of a field that may be absent but not null.
ABSENT: Any = None

WHOLE = BeforeValidator(_whole)

# Tab and line breaks are white space to speak over; nothing else below the space can be spoken.
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


def printable(text: str) -> str:
    """The text without its control characters: databases cannot hold NUL, engines speak none."""
    return text if text.isprintable() else _CONTROLS.sub("", text)


def spoken(text: str) -> str:
    """Printable text with something in it."""
    text = printable(text)
    if not text or text.isspace():
        raise PydanticCustomError("blank", "There is nothing but white space.")
    return text


def unique(items: list[str]) -> list[str]:
    if len(set(items)) < len(items):
        raise PydanticCustomError("repeated", "Each may be named once.")
    return items


def _moment(value: object) -> datetime:
    try:
        return parse_moment(str(value))
    except ValueError:
        raise PydanticCustomError(
            "bad_moment", "This must be a moment such as 2026-11-20T09:30:00Z."
        ) from None


_NO_CONTROLS = r"^[^\x00-\x1f\x7f]+$"
_NAME = r"^[^\x00-\x1f\x7f]*[^\x00-\x20\x7f][^\x00-\x1f\x7f]*$"
_ROLE = r"^[^\x00-\x20\x7f]([^\x00-\x1f\x7f]{0,62}[^\x00-\x20\x7f])?$"

Language = Annotated[str, Field(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$")]
Moment = Annotated[AwareDatetime, BeforeValidator(_moment)]
Name = Annotated[str, Field(min_length=1, max_length=100, pattern=_NAME)]
RoleName = Annotated[str, Field(pattern=_ROLE)]
SpeakerRef = Annotated[str, Field(min_length=1, max_length=128, pattern=_NO_CONTROLS)]
Style = Annotated[str, Field(min_length=1, max_length=100, pattern=_NO_CONTROLS)]
Title = Annotated[str, Field(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
LineId = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
LineText = Annotated[
    str,
    Field(max_length=5000, json_schema_extra={"minLength": 1, "pattern": r"\S"}),
    AfterValidator(spoken),
]
Transcript = Annotated[str, Field(min_length=1, max_length=20_000), AfterValidator(printable)]
MetadataKey = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
MetadataValue = Annotated[str, Field(max_length=500, pattern=r"^[^\x00]*$")]

SourceId = Annotated[str, Field(pattern=r"^src_[0-9A-HJKMNP-TV-Z]{26}$")]

Speed = Annotated[float, Field(ge=0.5, le=2)]
Pitch = Annotated[float, Field(ge=-12, le=12)]
Gain = Annotated[float, Field(ge=-24, le=12)]
BedGain = Annotated[float, Field(ge=-60, le=12)]
DuckDepth = Annotated[float, Field(ge=0, le=40)]
TargetSnr = Annotated[float, Field(ge=0, le=30)]
Attack = Annotated[int, Field(ge=0, le=2_000), WHOLE]
Release = Annotated[int, Field(ge=0, le=5_000), WHOLE]
BedFade = Annotated[int, Field(ge=0, le=60_000), WHOLE]
BedOffset = Annotated[int, Field(ge=0, le=14_400_000), WHOLE]
Seed = Annotated[int, Field(ge=0, le=2_147_483_647), WHOLE]
Pause = Annotated[int, Field(ge=0, le=60_000), WHOLE]
Overlap = Annotated[int, Field(ge=0, le=5_000), WHOLE]
SlotStart = Annotated[int, Field(ge=0, le=14_400_000), WHOLE]
Cut = Annotated[int, Field(ge=0, le=14_400_000), WHOLE]
SlotEnd = Annotated[int, Field(ge=1, le=14_400_000), WHOLE]
QuoteId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{1,64}$")]
Cost = Annotated[str, Field(pattern=r"^[0-9]{1,9}(\.[0-9]{1,6})?$")]
RetentionHours = Annotated[int, Field(ge=1, le=8_760), WHOLE]
StartTimecode = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9][:;][0-5][0-9]$")]
