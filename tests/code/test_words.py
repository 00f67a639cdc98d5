"""One tokenizer for every script: clauses without blanks are not one word, words with marks are one."""

from __future__ import annotations

import pytest
from tables import apart, context, rows, table

from tunesmith import replies
from tunesmith.code.words import prose_words, tokens, word_count, words
from tunesmith.sample import Sample
from tunesmith.selection.dedup import Dedup
from tunesmith.selection.novelty import Novelty


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Sum it_up, x2!", ["sum", "it_up", "x2"]),
        ("请计算list的和。", ["请", "计", "算", "list", "的", "和"]),
        ("リストの合計", list("リストの合計")),
        ("เขียน", ["เ", "ขี", "ย", "น"]),
        ("ភាសា", ["ភា", "សា"]),
        ("안녕 세상", ["안녕", "세상"]),
        ("हिन्दी में लिखें।", ["हिन्दी", "में", "लिखें"]),
        ("مُحَمَّد", ["مُحَمَّد"]),
        ("naïve cafe\u0301", ["naïve", "cafe\u0301"]),
    ],
)
def test_words_of_many_scripts(text: str, expected: list[str]) -> None:
    assert words(text) == prose_words(text) == expected


def test_an_apostrophe_joins_words_of_prose_and_parts_those_of_code() -> None:
    for mark in "'’":
        assert prose_words(f"Don{mark}t") == [f"don{mark}t"]
        assert words(f"f{mark}abc") == ["f", "abc"]


@pytest.mark.parametrize("text", ["a+b == c", "é+b == c"])
def test_tokens_are_words_and_single_signs_in_their_case(text: str) -> None:
    assert tokens(text.upper())[1:] == ["+", "B", "=", "=", "C"]


ZH = [
    "请写一个函数，计算一个列表里所有偶数的平方和，并返回结果。不要使用任何第三方库，输入为空时返回零。",
    "请写一个函数，计算一个列表里所有奇数的平方和，并返回结果。不要使用任何第三方库，输入为空时返回零。",
    "请写一个程序读取文件并统计每个单词出现的次数。",
]
JA = [
    "整数のリストを受け取り、偶数の二乗の合計を返す関数を書いてください。外部ライブラリは使わないでください。",
    "整数のリストを受け取り、奇数の二乗の合計を返す関数を書いてください。外部ライブラリは使わないでください。",
    "ファイルを読み、それぞれの単語が何回出るかを数えるプログラムを書いてください。",
]
TH = [
    "จงเขียนฟังก์ชันที่คำนวณผลรวมกำลังสองของจำนวนคู่ทั้งหมดในรายการแล้วคืนค่าผลลัพธ์โดยไม่ใช้ไลบรารีอื่น",
    "จงเขียนฟังก์ชันที่คำนวณผลรวมกำลังสองของจำนวนคี่ทั้งหมดในรายการแล้วคืนค่าผลลัพธ์โดยไม่ใช้ไลบรารีอื่น",
    "จงเขียนโปรแกรมที่อ่านไฟล์และนับว่าแต่ละคำปรากฏกี่ครั้ง",
]


@pytest.mark.parametrize("texts", [ZH, JA, TH], ids=["Chinese", "Japanese", "Thai"])
@pytest.mark.parametrize("step", [Dedup(field="instruction", threshold=0.7), Novelty(threshold=0.7)])
def test_near_duplicates_in_scripts_without_blanks_are_found(step, texts, tmp_path) -> None:
    samples: list[Sample] = rows(instruction=texts)
    kept, drops = apart(step.table(table(tmp_path, samples), context()))
    assert [row.instruction for row in kept] == [texts[0], texts[2]]
    assert len(drops) == 1


def test_words_and_sentences_of_a_chinese_reply_are_counted() -> None:
    assert len(replies.words(ZH[0])) > 40
    assert len(replies.sentences(ZH[0])) == 2
    assert word_count(ZH[0]) == len(words(ZH[0]))
    assert word_count("x = a + b  # Größe – 2") == 8
