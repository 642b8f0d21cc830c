"""Where a text may be broken, as a cost: after punctuation best, after an article last of all."""

import unicodedata
from collections.abc import Mapping

from voicereel.captions.style import primary_subtag
from voicereel.domain.words import spaceless

AFTER_SENTENCE = 0.0
AFTER_CLAUSE = 3.0
BEFORE_LEADER = 6.0
ANYWHERE = 12.0
INSIDE_PHRASE = 40.0
INSIDE_WORD = 80.0


def _lists(**words: str) -> Mapping[str, frozenset[str]]:
    return {language: frozenset(listed.split()) for language, listed in words.items()}


# Conjunctions and prepositions: a good break lies before them, a bad one after them.
_LEADERS = _lists(
    en="""and but or nor so yet because although though while when where if unless until since after
        before that which who whose of in on at by for with from to into onto about over under between
        through during without within against than as""",
    es="""y e o u pero sino porque aunque mientras cuando donde si que quien de del en con por para sin
        sobre entre desde hasta hacia según durante contra tras a al como""",
    fr="""et ou mais donc or ni car que qui quand lorsque si comme parce puisque dont où de du des en
        dans avec sans pour par sur sous entre vers chez depuis pendant contre à au aux""",
    de="""und oder aber denn sondern weil dass ob wenn als obwohl während bis damit wie in im an am auf
        aus bei beim mit nach von vom vor zu zum zur über unter zwischen durch für gegen ohne um seit""",
    it="""e ed o ma però perché che chi quando dove se mentre come anche di del della dello dei degli
        delle a al alla da dal dalla in nel nella con su sul sulla per tra fra senza verso contro durante""",
    pt="""e ou mas porém porque que quem quando onde se enquanto como embora de do da dos das em no na
        nos nas com por para sem sobre entre desde até contra durante a ao à pelo pela""",
    hi="""और या लेकिन मगर पर परंतु कि क्योंकि अगर तो जब जहाँ जो""",
    ko="""그리고 그런데 하지만 그래서 왜냐하면 만약""",
)

# Postpositions, auxiliaries and bound nouns: never parted from the word before them.
_FOLLOWERS = _lists(
    hi="""का की के को से में पर ने तक है हैं हो हूँ था थी थे गा गी गे ही भी रहा रही रहे""",
    ko="""것 것을 것이 것은 거 거야 수 때 때문에 줄 적 만큼 뿐 중 동안 전에 후에""",
)
# The same in a script without spaces, where a piece may begin with one: particles, and what counts.
_LED_BY = {"zh": frozenset("的了着过吗呢吧啊呀们地得么里上下个"), "ja": frozenset("はがをにへとものでかねよ")}
# After these a phrase goes on: no break follows.
_LEADS_ON = {"zh": frozenset("不没很太最更再在把被给对从向跟和与或我你他她它这那一二两三四五六七八九十")}

# Articles, possessives, subject pronouns, auxiliaries, negations: never left at the end.
_BINDERS = _lists(
    en="""a an the this these those my your his her its our their i you he she we they it not don't no
        is are was were be been am have has had do does did will would can could should must may might
        i'm you're he's she's it's we're they're i've very""",
    es="""el la los las un una unos unas lo este esta estos estas mi tu su mis tus sus nuestro nuestra
        yo él ella nosotros ellos ellas no me te se le nos les ha he han hemos es son era fue muy""",
    fr="""le la les un une ce cet cette ces mon ma mes ton ta tes son sa ses notre nos votre vos leur
        leurs je tu il elle on nous vous ils elles ne pas me te se y est sont a ai ont avons très""",
    de="""der die das den dem des ein eine einen einem einer eines dieser diese dieses mein meine dein
        deine sein seine ihr ihre unser unsere kein keine ich du er sie es wir nicht ist sind war hat
        habe haben hatte wird werden sehr""",
    it="""il lo la i gli le un uno una questo questa questi queste mio mia tuo tua suo sua nostro
        nostra io tu lui lei noi voi loro non mi ti si ci vi è sono era ha ho hanno abbiamo molto""",
    pt="""o os as um uma uns umas este esta esse essa meu minha teu tua seu sua nosso nossa eu tu ele
        ela nós eles elas não me te se lhe é são era foi está tem tenho têm muito""",
)
_TITLES = frozenset(
    {"mr.", "mrs.", "ms.", "dr.", "prof.", "st.", "sr.", "sra.", "srta.", "m.", "mme.", "mlle."}
)

_SENTENCE_END = frozenset(".!?…‽。！？｡؟۔।॥։።")
_CLAUSE_END = frozenset(",;:—–、，；：､،؛፣-")
_QUOTES = "\"'’”»›)]}」』）】〉》"
_EMPTY: frozenset[str] = frozenset()


def break_cost(before: str, after: str, *, spaced: bool, same_word: bool, language: str) -> float:
    """The cost of ending a display line or a cue between two neighbouring pieces of a text.

    ``spaced``: white space lies between them. Without it only scripts written so can be broken.
    ``same_word``: both are parts of one timed word, which may be a whole sentence of such a script.
    """
    if not spaced and not spaceless(before[-1] + after[0]):
        return INSIDE_WORD
    if not any(character.isalnum() for character in after):
        return INSIDE_PHRASE
    if not spaced and not _ends(before):
        return _unspaced(before, after, same_word=same_word, language=primary_subtag(language))
    return _after(before) if _ends(before) else _between(before, after, language)


def _unspaced(before: str, after: str, *, same_word: bool, language: str) -> float:
    """Between two pieces of a script without spaces. One timed word may be a whole sentence."""
    if after[0] in _LED_BY.get(language, _EMPTY) or before[-1] in _LEADS_ON.get(language, _EMPTY):
        return INSIDE_PHRASE
    if not same_word and language != "ja":
        return ANYWHERE
    return ANYWHERE if _hiragana(before[-1]) and not _hiragana(after[0]) else INSIDE_PHRASE


def _hiragana(character: str) -> bool:
    """Japanese phrases end in hiragana, and most begin in another script."""
    return "\u3040" <= character <= "\u309f"


def _ends(text: str) -> bool:
    return unicodedata.category(text[-1]).startswith("P")


def _after(before: str) -> float:
    """After a punctuation mark: what it closes says how good the break is."""
    last = before.rstrip(_QUOTES)[-1:]
    if before.casefold() in _TITLES:
        return INSIDE_PHRASE
    if last in _SENTENCE_END:
        return AFTER_SENTENCE
    return AFTER_CLAUSE if last in _CLAUSE_END or before[-1] in _QUOTES else ANYWHERE


def _between(before: str, after: str, language: str) -> float:
    """Between two words with no mark: never leave a small word behind, nor part a name."""
    language = primary_subtag(language)
    leaders = _LEADERS.get(language, _EMPTY)
    word, following = _bare(before), _bare(after)
    if word in leaders or word in _BINDERS.get(language, _EMPTY):
        return INSIDE_PHRASE
    if following in _FOLLOWERS.get(language, _EMPTY):
        return INSIDE_PHRASE
    if following in leaders:
        return BEFORE_LEADER
    # Two capitals in a row are a name more often than not; German writes every noun so.
    if language != "de" and before[0].isupper() and after[0].isupper():
        return INSIDE_PHRASE / 2
    return ANYWHERE


def _bare(piece: str) -> str:
    """A word without its quotes and brackets, in lower case."""
    start, end = 0, len(piece)
    while start < end and not piece[start].isalnum():
        start += 1
    while end > start and not piece[end - 1].isalnum():
        end -= 1
    return piece[start:end].casefold()
