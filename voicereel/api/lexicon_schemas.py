"""What lexicons are sent as: the request models, and their way into the domain."""

from typing import Annotated

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from voicereel.api import fields
from voicereel.api.fields import ABSENT, WHOLE, Strict
from voicereel.domain.lexicons import Entry, LexiconRef
from voicereel.domain.script import has_speech, spoken_text
from voicereel.services.lexicons import Draft


def _sayable(text: str) -> str:
    text = spoken_text(text)
    if not has_speech(text):
        raise PydanticCustomError("nothing_to_speak", "There is no letter or digit in it.")
    return text


Version = Annotated[int, Field(ge=1, le=1_000_000_000), WHOLE]


class PronunciationBody(Strict):
    grapheme: Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_sayable)]
    alias: Annotated[str, Field(min_length=1, max_length=500), AfterValidator(_sayable)] = ABSENT
    ipa: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")] = ABSENT
    language: fields.Language = ABSENT
    case_sensitive: bool = False
    whole_word: bool = True

    @model_validator(mode="after")
    def _says_how(self) -> "PronunciationBody":
        if self.alias is None and self.ipa is None:
            raise PydanticCustomError("no_pronunciation", "Give an 'alias', 'ipa', or both.")
        return self

    def entry(self) -> Entry:
        return Entry(**self.model_dump())


class LexiconRefBody(Strict):
    id: Annotated[str, Field(pattern=r"^lex_[0-9A-HJKMNP-TV-Z]{26}$")]
    version: Version = ABSENT

    def ref(self) -> LexiconRef:
        return LexiconRef(id=self.id, version=self.version)


def named_once(lexicons: list[LexiconRefBody]) -> list[LexiconRefBody]:
    if len({each.id for each in lexicons}) < len(lexicons):
        raise PydanticCustomError("repeated", "Each may be named once.")
    return lexicons


class LexiconWriteBody(Strict):
    name: fields.Name
    default: bool = False
    entries: Annotated[list[PronunciationBody], Field(max_length=5000)]

    def draft(self) -> Draft:
        return Draft(
            name=self.name, default=self.default, entries=tuple(each.entry() for each in self.entries)
        )
