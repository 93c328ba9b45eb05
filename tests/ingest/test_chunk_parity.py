"""A chunk holds about the same content in every language, with the default settings."""

import json
from pathlib import Path
from statistics import median

import pytest

from ingest.chunks import chunk_document
from ingest.documents import assemble
from ragqwen.languages import languages
from ragqwen.records import Chunk, Document, Element, ParsedFile
from ragqwen.segmentation import sentences
from ragqwen.settings import Settings

PARALLEL = Path(__file__).parents[3] / "shared" / "data" / "retrieval" / "belebele"


def document_of(paragraphs: list[str], language: str) -> Document:
    elements = tuple(Element(paragraph) for paragraph in paragraphs)
    return assemble(
        ParsedFile(elements), document_id="d", source="d.txt", content_hash="0", language=language
    )


def chunks_of(document: Document) -> list[Chunk]:
    settings = Settings()
    return list(
        chunk_document(document, max_words=settings.chunk_words, max_tokens=settings.chunk_tokens)
    )


def passages(language: str) -> list[str]:
    """Return the passages of a parallel corpus, in the order of their ids."""
    lines = (PARALLEL / f"corpus.{language}.jsonl").read_text("utf-8").splitlines()
    texts = {record["_id"]: record["text"] for record in map(json.loads, lines)}
    return [texts[key] for key in sorted(texts)]


def content_of_chunks(chunks: list[Chunk], document: Document) -> list[float]:
    """Return how many passages each chunk holds, parts of one by their share of its characters."""
    return [
        sum(
            max(0, min(chunk.end, block.end) - max(chunk.start, block.start))
            / (block.end - block.start)
            for block in document.blocks
        )
        for chunk in chunks
    ]


@pytest.fixture(scope="module")
def parallel() -> dict[str, tuple[int, float, int]]:
    """Return each language's number of chunks, passages in a middling one, and of sentences."""
    if not PARALLEL.is_dir():
        pytest.skip("shared/data/retrieval/belebele is not here")
    found = {}
    for language in languages():
        document = document_of(passages(language), language)
        chunks = chunks_of(document)
        content = median(content_of_chunks(chunks, document))
        n_sentences = sum(1 for _ in sentences(document.text, language))
        found[language] = (len(chunks), content, n_sentences)
    return found


def test_parallel_texts_have_about_as_many_chunks(
    parallel: dict[str, tuple[int, float, int]],
) -> None:
    """Measured: 0.97 to 1.03, with words levelled by what flores-ict's many same passages gave."""
    ratios = {code: found[0] / parallel["eng_Latn"][0] for code, found in parallel.items()}
    assert len(ratios) == 119
    assert {code: ratio for code, ratio in ratios.items() if not 0.9 <= ratio <= 1.1} == {}


def test_chunks_of_parallel_texts_hold_about_the_same_passages(
    parallel: dict[str, tuple[int, float, int]],
) -> None:
    """Measured: 0.95 (Balinese) to 1.09 (Telugu)."""
    shares = {code: found[1] / parallel["eng_Latn"][1] for code, found in parallel.items()}
    assert {code: share for code, share in shares.items() if not 0.85 <= share <= 1.15} == {}


def test_parallel_texts_have_about_as_many_sentences(
    parallel: dict[str, tuple[int, float, int]],
) -> None:
    """Measured: 0.95 (Sundanese) to 1.19 (Belarusian, whose translators cut long sentences).

    Thai has no marks: 0.79 here, 0.98 in other text, where a sentence may begin at a space.
    """
    ratios = {code: found[2] / parallel["eng_Latn"][2] for code, found in parallel.items()}
    thai = ratios.pop("tha_Thai")
    assert 0.75 <= thai <= 1.25
    assert {code: ratio for code, ratio in ratios.items() if not 0.9 <= ratio <= 1.25} == {}


FERRY = {
    "eng_Latn": (
        "The ferry leaves the old harbour at six in the morning. ",
        "Children under seven travel without a ticket. ",
        "Dogs must stay on the upper deck. ",
        "In strong wind the ferry does not sail. ",
    ),
    "deu_Latn": (
        "Die Fähre verlässt den alten Hafen um sechs Uhr morgens. ",
        "Kinder unter sieben Jahren reisen ohne Fahrkarte. ",
        "Hunde müssen auf dem oberen Deck bleiben. ",
        "Bei starkem Wind fährt die Fähre nicht. ",
    ),
    "mya_Mymr": (
        "ကူးတို့သင်္ဘောသည် နံနက် ခြောက်နာရီတွင် ဆိပ်ကမ်းဟောင်းမှ ထွက်ခွာသည်။ ",
        "အသက် ခုနစ်နှစ်အောက် ကလေးများသည် လက်မှတ်မလိုဘဲ စီးနိုင်သည်။ ",
        "ခွေးများသည် အပေါ်ထပ်တွင် နေရမည်။ ",
        "လေပြင်းတိုက်လျှင် ကူးတို့သင်္ဘော မထွက်ပါ။ ",
    ),
    "tha_Thai": (
        "เรือข้ามฟากออกจากท่าเรือเก่าตอนหกโมงเช้า ",
        "เด็กอายุต่ำกว่าเจ็ดปีเดินทางได้โดยไม่ต้องมีตั๋ว ",
        "สุนัขต้องอยู่บนดาดฟ้าชั้นบน ",
        "เมื่อลมแรงเรือข้ามฟากจะไม่ออก ",
    ),
    "fin_Latn": (
        "Lautta lähtee vanhasta satamasta kello kuusi aamulla. ",
        "Alle seitsemänvuotiaat lapset matkustavat ilman lippua. ",
        "Koirien on pysyttävä yläkannella. ",
        "Kovalla tuulella lautta ei kulje. ",
    ),
    "kor_Hang": (
        "여객선은 아침 여섯 시에 옛 항구를 떠난다. ",
        "일곱 살 미만 어린이는 표 없이 탄다. ",
        "개는 위쪽 갑판에 있어야 한다. ",
        "바람이 세게 불면 여객선은 다니지 않는다. ",
    ),
    "mal_Mlym": (
        "കടത്തുബോട്ട് രാവിലെ ആറുമണിക്ക് പഴയ തുറമുഖത്തുനിന്ന് പുറപ്പെടും. ",
        "ഏഴു വയസ്സിൽ താഴെയുള്ള കുട്ടികൾ ടിക്കറ്റില്ലാതെ യാത്ര ചെയ്യുന്നു. ",
        "നായ്ക്കൾ മുകളിലത്തെ തട്ടിൽ നിൽക്കണം. ",
        "ശക്തമായ കാറ്റിൽ ബോട്ട് ഓടില്ല. ",
    ),
    "vie_Latn": (
        "Phà rời bến cảng cũ lúc sáu giờ sáng. ",
        "Trẻ em dưới bảy tuổi đi không cần vé. ",
        "Chó phải ở trên boong trên. ",
        "Khi gió mạnh phà không chạy. ",
    ),
    "zho_Hans": (
        "渡轮早上六点从旧港口出发。",
        "七岁以下的儿童不用买票。",
        "狗必须留在上层甲板。",
        "风大的时候渡轮不开。",
    ),
}
ROUNDS = 60


def test_chunks_hold_about_as_many_of_the_same_sentences() -> None:
    """Without the factor it is from 0.6 (Thai) to 1.5 (Malayalam) times the middle."""
    rounds = {}
    for language, texts in FERRY.items():
        document = document_of(["".join(texts) * ROUNDS], language)
        rounds[language] = ROUNDS / len(chunks_of(document))
    shares = {language: found / median(rounds.values()) for language, found in rounds.items()}
    assert rounds["eng_Latn"] >= 4
    assert {language: share for language, share in shares.items() if not 0.75 <= share <= 1.4} == {}
