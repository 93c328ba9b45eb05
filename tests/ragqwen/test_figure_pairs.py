"""Figures that say the same in two ways of writing, and figures that do not, in many languages."""

import pytest

from ragqwen.agreement import Figures, agree

RIGHT = [
    # times of day
    ("at 14:30", "eng_Latn", "at 2:30 pm", "eng_Latn"),
    ("at 2:30 p.m.", "eng_Latn", "at 14:30", "eng_Latn"),
    ("at 2 pm", "eng_Latn", "at 14:00", "eng_Latn"),
    ("at 14:00", "eng_Latn", "at 2 in the afternoon", "eng_Latn"),
    ("at 2:30 pm", "eng_Latn", "at 2:30", "eng_Latn"),
    ("at 12:15 am", "eng_Latn", "at 0:15", "eng_Latn"),
    ("um 14:30 Uhr", "deu_Latn", "at 2:30 PM", "eng_Latn"),
    ("um 14 Uhr", "deu_Latn", "um 2 Uhr nachmittags", "deu_Latn"),
    ("a las 14:30", "spa_Latn", "a las 2:30 de la tarde", "spa_Latn"),
    ("a las 2:30 p. m.", "spa_Latn", "à 14h30", "fra_Latn"),
    ("下午2点30分", "zho_Hans", "at 14:30", "eng_Latn"),
    ("14:30", "zho_Hans", "下午2:30", "zho_Hans"),
    ("午後2時30分", "jpn_Jpan", "14時30分", "jpn_Jpan"),
    ("오후 2시 30분", "kor_Hang", "14:30", "eng_Latn"),
    ("14:30", "hin_Deva", "दोपहर 2:30 बजे", "hin_Deva"),
    ("в 14:30", "rus_Cyrl", "в 2:30 дня", "rus_Cyrl"),
    ("saat 14:30", "tur_Latn", "öğleden sonra 2:30", "tur_Latn"),
    ("lúc 14:30", "vie_Latn", "lúc 2:30 chiều", "vie_Latn"),
    # money and large numbers
    ("$5 million", "eng_Latn", "$5m", "eng_Latn"),
    ("$5m", "eng_Latn", "5,000,000 dollars", "eng_Latn"),
    ("£3bn", "eng_Latn", "3 billion pounds", "eng_Latn"),
    ("$2.5M", "eng_Latn", "2,5 Mio. €", "deu_Latn"),
    ("5 Mio. €", "deu_Latn", "€5 million", "eng_Latn"),
    ("5 млн рублей", "rus_Cyrl", "5 000 000 рублей", "rus_Cyrl"),
    ("5 млн", "ukr_Cyrl", "5 million", "eng_Latn"),
    ("3,000 visitors", "eng_Latn", "3k visitors", "eng_Latn"),
    ("5 millones de euros", "spa_Latn", "5 M€", "spa_Latn"),
    ("5 million people", "eng_Latn", "5m people", "eng_Latn"),
    # ordinals
    ("the 3rd bridge", "eng_Latn", "the third bridge", "eng_Latn"),
    ("im 2. Stock", "deu_Latn", "im zweiten Stock", "deu_Latn"),
    ("ein 3. Platz", "deu_Latn", "ein dritter Platz", "deu_Latn"),
    ("3-й этаж", "rus_Cyrl", "третий этаж", "rus_Cyrl"),
    ("на 3-м этаже", "rus_Cyrl", "на третьем этаже", "rus_Cyrl"),
    ("la 2ª planta", "spa_Latn", "la segunda planta", "spa_Latn"),
    ("el 3er piso", "spa_Latn", "el tercer piso", "spa_Latn"),
    ("a 2ª casa", "por_Latn", "a segunda casa", "por_Latn"),
    ("2. kerros", "fin_Latn", "toisessa kerroksessa", "fin_Latn"),
    ("na 2. miejscu", "pol_Latn", "na drugim miejscu", "pol_Latn"),
    ("den 2. gangen", "nob_Latn", "den andre gangen", "nob_Latn"),
    ("2-asis aukštas", "lit_Latn", "antrame aukšte", "lit_Latn"),
    # eras
    ("พ.ศ. 2567", "tha_Thai", "in 2024", "eng_Latn"),
    ("in 2024", "eng_Latn", "ในปี 2567", "tha_Thai"),
    ("ปี ค.ศ. 2024", "tha_Thai", "ปี พ.ศ. 2567", "tha_Thai"),
    ("令和6年", "jpn_Jpan", "in 2024", "eng_Latn"),
    ("2024年", "jpn_Jpan", "令和六年", "jpn_Jpan"),
    ("民國113年", "zho_Hant", "2024年", "zho_Hant"),
    ("سال ۱۴۰۳", "pes_Arab", "in 2024", "eng_Latn"),
    # dozens
    ("12 boats", "eng_Latn", "a dozen boats", "eng_Latn"),
    ("half a dozen boats", "eng_Latn", "6 boats", "eng_Latn"),
    ("24 eggs", "eng_Latn", "two dozen eggs", "eng_Latn"),
    ("24 eggs", "eng_Latn", "2 dozen eggs", "eng_Latn"),
    ("12 œufs", "fra_Latn", "une douzaine d'œufs", "fra_Latn"),
    ("6 œufs", "fra_Latn", "une demi-douzaine d'œufs", "fra_Latn"),
    ("12 Eier", "deu_Latn", "ein Dutzend Eier", "deu_Latn"),
    ("6 huevos", "spa_Latn", "media docena de huevos", "spa_Latn"),
    ("12 uova", "ita_Latn", "una dozzina di uova", "ita_Latn"),
    ("12 лодок", "rus_Cyrl", "дюжина лодок", "rus_Cyrl"),
    # dates
    ("2024-03-05", "eng_Latn", "5 March 2024", "eng_Latn"),
    ("on March 5, 2024", "eng_Latn", "2024-03-05", "eng_Latn"),
    ("5/3/2024", "eng_Latn", "the 5th of March 2024", "eng_Latn"),
    ("3/5/2024", "eng_Latn", "March 5, 2024", "eng_Latn"),
    ("05.03.2024", "deu_Latn", "5. März 2024", "deu_Latn"),
    ("05.03.24", "deu_Latn", "5. März 2024", "deu_Latn"),
    ("2024年3月5日", "zho_Hans", "March 5, 2024", "eng_Latn"),
    ("2024年三月五日", "zho_Hans", "2024-03-05", "zho_Hans"),
    ("2024-03-05", "eng_Latn", "2024年3月5日", "jpn_Jpan"),
    ("2024년 3월 5일", "kor_Hang", "5 March 2024", "eng_Latn"),
    ("5/3/2024", "vie_Latn", "ngày 5 tháng 3 năm 2024", "vie_Latn"),
    ("5. März 2024", "deu_Latn", "5 de marzo de 2024", "spa_Latn"),
    ("5 марта 2024 года", "rus_Cyrl", "05.03.2024", "rus_Cyrl"),
    ("03.2024", "rus_Cyrl", "в марте 2024 года", "rus_Cyrl"),
    ("5 मार्च 2024", "hin_Deva", "2024-03-05", "eng_Latn"),
    ("5 มีนาคม 2567", "tha_Thai", "5 March 2024", "eng_Latn"),
    ("5 مارس 2024", "arb_Arab", "2024-03-05", "arb_Arab"),
    ("2024-03-05", "pol_Latn", "5 marca 2024", "pol_Latn"),
    ("5. maaliskuuta 2024", "fin_Latn", "5.3.2024", "fin_Latn"),
    ("2024. 03. 05.", "hun_Latn", "2024. március 5-én", "hun_Latn"),
    ("5 Mart 2024", "tur_Latn", "05.03.2024", "tur_Latn"),
    ("5 Μαρτίου 2024", "ell_Grek", "5/3/2024", "ell_Grek"),
    ("5 martie 2024", "ron_Latn", "5 mars 2024", "fra_Latn"),
    ("April 2024", "eng_Latn", "im April 2024", "deu_Latn"),
    ("1 barco", "spa_Latn", "un barco", "spa_Latn"),
]
WRONG = [
    ("at 2:30 pm", "eng_Latn", "at 2:30 am", "eng_Latn"),
    ("at 2:45 pm", "eng_Latn", "at 14:30", "eng_Latn"),
    ("at 2:30 am", "eng_Latn", "at 14:30", "eng_Latn"),
    ("at 15:00", "eng_Latn", "at 2 pm", "eng_Latn"),
    ("um 14:30 Uhr", "deu_Latn", "at 2:30 AM", "eng_Latn"),
    ("a las 15:30", "spa_Latn", "a las 2:30 de la tarde", "spa_Latn"),
    ("下午2点30分", "zho_Hans", "上午2点30分", "zho_Hans"),
    ("오후 2시 30분", "kor_Hang", "15:30", "eng_Latn"),
    ("$5 million", "eng_Latn", "$6m", "eng_Latn"),
    ("$5 million", "eng_Latn", "$5bn", "eng_Latn"),
    ("$5m", "eng_Latn", "$5", "eng_Latn"),
    ("5 Mio. €", "deu_Latn", "€5 billion", "eng_Latn"),
    ("5 млн рублей", "rus_Cyrl", "5 млрд рублей", "rus_Cyrl"),
    ("3,000 visitors", "eng_Latn", "4k visitors", "eng_Latn"),
    ("the 4th bridge", "eng_Latn", "the third bridge", "eng_Latn"),
    ("im 3. Stock", "deu_Latn", "im zweiten Stock", "deu_Latn"),
    ("на 2-м этаже", "rus_Cyrl", "на третьем этаже", "rus_Cyrl"),
    ("la 3ª planta", "spa_Latn", "la segunda planta", "spa_Latn"),
    ("na 3. miejscu", "pol_Latn", "na drugim miejscu", "pol_Latn"),
    ("พ.ศ. 2566", "tha_Thai", "in 2024", "eng_Latn"),
    ("in 2025", "eng_Latn", "ในปี 2567", "tha_Thai"),
    ("令和5年", "jpn_Jpan", "in 2024", "eng_Latn"),
    ("民國113年", "zho_Hant", "2023年", "zho_Hant"),
    ("13 boats", "eng_Latn", "a dozen boats", "eng_Latn"),
    ("a dozen boats", "eng_Latn", "14 boats", "eng_Latn"),
    ("12 œufs", "fra_Latn", "une demi-douzaine d'œufs", "fra_Latn"),
    ("2024-04-05", "eng_Latn", "5 March 2024", "eng_Latn"),
    ("5 April 2024", "eng_Latn", "2024-03-05", "eng_Latn"),
    ("5 April 2024", "eng_Latn", "5 March 2024", "eng_Latn"),
    ("6/3/2024", "eng_Latn", "5 March 2024", "eng_Latn"),
    ("5. April 2024", "deu_Latn", "5 de marzo de 2024", "spa_Latn"),
    ("2024年4月5日", "zho_Hans", "March 5, 2024", "eng_Latn"),
    ("2024년 4월 5일", "kor_Hang", "5 March 2024", "eng_Latn"),
    ("5/4/2024", "vie_Latn", "ngày 5 tháng 3 năm 2024", "vie_Latn"),
    ("5 апреля 2024 года", "rus_Cyrl", "05.03.2024", "rus_Cyrl"),
    ("5 अप्रैल 2024", "hin_Deva", "2024-03-05", "eng_Latn"),
    ("5 เมษายน 2567", "tha_Thai", "5 March 2024", "eng_Latn"),
    ("5 أبريل 2024", "arb_Arab", "2024-03-05", "arb_Arab"),
    ("2024-04-05", "pol_Latn", "5 marca 2024", "pol_Latn"),
    ("5. huhtikuuta 2024", "fin_Latn", "5.3.2024", "fin_Latn"),
    ("6 Mart 2024", "tur_Latn", "05.03.2024", "tur_Latn"),
    ("5 Απριλίου 2024", "ell_Grek", "5/3/2024", "ell_Grek"),
    ("tiene 1 barco", "spa_Latn", "es un pueblo con 3 barcos", "spa_Latn"),
    ("el motor AB 1", "spa_Latn", "un motor de 5 cilindros", "spa_Latn"),
    ("$2 million", "eng_Latn", "2 ofertas y 5 millones de dólares", "spa_Latn"),
    ("1 bateau", "fra_Latn", "c'est un village avec 3 bateaux", "fra_Latn"),
]


def agrees(claim: str, claimed: str, place: str, said: str) -> bool:
    above = Figures.of("", said)
    return agree(Figures.of(claim, claimed), Figures.of(place, said), above, same=claimed == said)


@pytest.mark.parametrize("pair", RIGHT)
def test_what_is_written_in_another_way_agrees(pair: tuple[str, str, str, str]) -> None:
    assert agrees(*pair)


@pytest.mark.parametrize("pair", WRONG)
def test_another_figure_does_not(pair: tuple[str, str, str, str]) -> None:
    assert not agrees(*pair)
