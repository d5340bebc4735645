//! Hostile strings: each comes back code point for code point, or is refused by a 422 that says why.

use rstest::rstest;
use serde_json::json;
use todo_contract_tests::{
    Engine::{self, Postgres, Sqlite},
    TestApp,
};

/// Strings that have broken other software.
fn hostile() -> Vec<String> {
    let mut strings: Vec<String> = [
        "'; DROP TABLE tasks; --",
        "\" OR \"\"=\"",
        "1; SELECT pg_sleep(10)",
        "$1 $2 ?1 :name @p1 %s %n {0} ${7*7} {{7*7}}",
        "\\'; \\\" \\\\ \\x27 \\u0027",
        "%_%_%",
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "javascript:alert(1)",
        "&lt;&amp;&#39;&quot;",
        "../../../../etc/passwd",
        "C:\\Windows\\win.ini",
        "() { :; }; echo vulnerable",
        "$(reboot) `reboot` | reboot & reboot",
        "=cmd|' /C calc'!A0",
        "null",
        "undefined",
        "NaN",
        "true",
        "0",
        "[]",
        "{}",
        "{\"title\": \"nested\"}",
        "  leading and trailing  ",
        "\ta\ttab\t",
        "line\nfeed",
        "carriage\r\nreturn",
        "\u{85}next line\u{85}",
        "\u{2028}line separator\u{2029}",
        "\u{feff}byte order mark",
        "zero\u{200b}width\u{200c}joiners\u{200d}here",
        "soft\u{ad}hyphen",
        "\u{202e}right to left override",
        "\u{2066}isolate\u{2069}",
        "مرحبا بالعالم",
        "שלום עולם",
        "mixed العربية and English עברית",
        "e\u{301} is not é",
        "Å Å Å",
        "ﬁ ligature",
        "Ⓐ ① ½ ﷽",
        "İstanbul ıspanak ß ẞ ſ",
        "\u{1F600}\u{1F468}\u{200d}\u{1F469}\u{200d}\u{1F467}",
        "\u{1F1E9}\u{1F1EA}\u{1F3F4}\u{E0067}\u{E0062}\u{E007F}",
        "\u{10FFFF}\u{10FFFE}\u{FFFF}\u{FFFE}\u{FDD0}",
        "\u{E000}private use\u{F8FF}",
        "\u{FFFD}replacement",
        "Z\u{351}\u{36b}\u{343}a\u{329}\u{32b}l\u{348}\u{354}g\u{332}o\u{345}",
        "漢字かな交じり文",
        "𠜎𠜱𠝹𠱓",
        "田中さんにあげて下さい",
        "Ω≈ç√∫˜µ≤≥÷",
        "⁰⁴⁵₀₁₂",
        "\u{7f}delete",
        "\u{1b}[31mred\u{1b}[0m",
        "\u{7}bell",
        "a\u{b}\u{c}b",
        "\u{80}\u{9f}c1",
        "\u{200b}",
        "\u{2800}",
        "\u{3164}",
        "\u{180e}",
    ]
    .into_iter()
    .map(str::to_owned)
    .collect();
    strings.extend((1..0x20_u8).map(|control| format!("a{}b", char::from(control))));
    strings
}

/// Strings that name nothing: only white space and control characters, or a U+0000.
fn refused() -> Vec<String> {
    let white = "\t\n\u{b}\u{c}\r \u{85}\u{a0}\u{1680}\u{2000}\u{2001}\u{2002}\u{2003}\u{2004}\u{2005}\u{2006}\u{2007}\
                 \u{2008}\u{2009}\u{200a}\u{2028}\u{2029}\u{202f}\u{205f}\u{3000}";
    let mut strings: Vec<String> = white.chars().map(String::from).collect();
    strings.extend((1..0x20_u8).chain(0x7f..=0x9f).map(|control| char::from(control).to_string()));
    strings.extend([white.to_owned(), String::new(), "\0".to_owned(), "a\0".to_owned(), "\0a".to_owned()]);
    strings
}

#[rstest]
#[tokio::test]
async fn a_title_comes_back_as_it_was_sent(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let ann = app.client("ann");
    for title in hostile() {
        let task = ann.create(json!({ "title": title })).await.expect(201);
        assert_eq!(task.json()["title"], title);
        assert_eq!(ann.task(task.id()).await.expect(200).json()["title"], title);
    }
}

#[rstest]
#[tokio::test]
async fn a_description_comes_back_as_it_was_sent(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let ann = app.client("ann");
    let id = ann.created("a").await;
    for description in hostile() {
        let task = ann.update(id, json!({ "description": description })).await.expect(200);
        assert_eq!(task.json()["description"], description);
        assert_eq!(ann.task(id).await.expect(200).json()["description"], description);
    }
}

#[rstest]
#[tokio::test]
async fn a_title_that_names_nothing_is_refused(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let ann = app.client("ann");
    for title in refused() {
        let faults = ann.create(json!({ "title": title })).await.expect(422).faults();
        assert!(faults.len() == 1 && faults[0].starts_with("/title: must "), "{title:?}: {faults:?}");
    }
    assert_eq!(ann.list().await.expect(200).json(), json!([]));
}

#[rstest]
#[tokio::test]
async fn a_description_may_be_nothing_but_white_space(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let ann = app.client("ann");
    for description in refused().into_iter().filter(|text| !text.contains('\0')) {
        let task = ann.create(json!({"title": "a", "description": description})).await.expect(201).json();
        assert_eq!(task["description"], description);
    }
}

#[rstest]
#[tokio::test]
async fn user_ids_come_back_as_the_token_had_them(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::start(engine).await;
    for user in hostile() {
        let task = app.client(&user).create(json!({"title": "a"})).await.expect(201).json();
        assert_eq!(task["user_id"], user);
    }
}
