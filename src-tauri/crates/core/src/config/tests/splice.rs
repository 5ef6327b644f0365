use crate::config::jsonc::Document;
use crate::config::splice::{Json, cut, paste, push, set};

fn number(value: u64) -> Json {
    Json::Number(value)
}

#[test]
fn a_value_is_set_where_people_would_put_it() {
    for (text, path, expected) in [
        ("", &["a"][..], "{\n  \"a\": 1\n}\n"),
        ("// mine", &["a"], "// mine\n{\n  \"a\": 1\n}\n"),
        ("{}", &["a"], "{\n  \"a\": 1\n}"),
        ("{}\r\n", &["a"], "{\r\n  \"a\": 1\r\n}\r\n"),
        ("{ }", &["a", "b"], "{\n  \"a\": {\n    \"b\": 1\n  }\n}"),
        ("{\"a\":0}", &["a"], "{\"a\":1}"),
        ("{\"a\":0}", &["b"], "{\"a\":0, \"b\": 1}"),
        ("{ \"a\": 0, }", &["b"], "{ \"a\": 0, \"b\": 1, }"),
        ("{ /* x */ }", &["a"], "{ /* x */ \"a\": 1 }"),
        ("{ \"a\": 0 /* x */ }", &["b"], "{ \"a\": 0, \"b\": 1 /* x */ }"),
        ("{ \"a\": {} }", &["a", "b", "c"], "{ \"a\": {\n  \"b\": {\n    \"c\": 1\n  }\n} }"),
        ("{\n\t\"a\": 0 // x\n}\n", &["b"], "{\n\t\"a\": 0, // x\n\t\"b\": 1\n}\n"),
        ("{\n    \"a\": 0,\n}\n", &["b"], "{\n    \"a\": 0,\n    \"b\": 1,\n}\n"),
        (
            "{\n  \"a\": 0\n  // \"z\": 9   \n}",
            &["b"],
            "{\n  \"a\": 0,\n  // \"z\": 9   \n  \"b\": 1\n}",
        ),
        ("{\n  // none yet\n}", &["b"], "{\n  // none yet\n  \"b\": 1\n}"),
        ("{ \"a\": 0,\n  \"c\": 2 }", &["b"], "{ \"a\": 0,\n  \"c\": 2,\n  \"b\": 1 }"),
        (
            "{\n  \"a\": {\n    \"b\": 0, // x\n    \"c\": 2\n  }\n}",
            &["a", "b"],
            "{\n  \"a\": {\n    \"b\": 1, // x\n    \"c\": 2\n  }\n}",
        ),
    ] {
        let changed =
            set(text, path, number(1)).unwrap_or_else(|misfit| panic!("{text}: {misfit:?}"));
        assert_eq!(changed, expected, "{text:?}");
        assert!(Document::parse(&changed).is_ok(), "{changed}");
    }
    assert!(set("{ \"a\": 1 }", &["a", "b"], number(1)).is_err(), "a number holds no keys");
    assert!(set("[]", &["a"], number(1)).is_err());
    assert!(set("{ \"a\": ", &["a"], number(1)).is_err());
}

#[test]
fn an_element_is_added_to_a_list_and_what_is_long_is_laid_out() {
    for (text, expected) in [
        ("{\n  \"l\": []\n}", "{\n  \"l\": [\n    1\n  ]\n}"),
        ("{\n  \"l\": [0]\n}", "{\n  \"l\": [0, 1]\n}"),
        ("{\n  \"l\": [\n    0 // x\n  ]\n}", "{\n  \"l\": [\n    0, // x\n    1\n  ]\n}"),
        ("{\n  \"a\": 0\n}", "{\n  \"a\": 0,\n  \"l\": [1]\n}"),
    ] {
        assert_eq!(push(text, &["l"], number(1)).as_deref(), Ok(expected), "{text:?}");
    }
    let long = Json::List((0..10).map(|n| Json::Text(format!("argument number {n}"))).collect());
    let changed = set("{\n}", &["l"], long).expect("it fits");
    assert_eq!(changed.lines().count(), 14, "{changed}");
}

#[test]
fn what_is_cut_goes_with_its_comments_and_comes_back_to_its_place() {
    let text = "{\n  \"s\": {\n    // the servers\n    \"a\": 1, // first\n\n    // about b\n    // and more\n    \"b\": { /* in b */ },  // b's own\n    /* about c */ \"c\": 3 // last\n  } // end\n}\n";
    for (name, without) in [
        (
            "a",
            "{\n  \"s\": {\n    // the servers\n\n    // about b\n    // and more\n    \"b\": { /* in b */ },  // b's own\n    /* about c */ \"c\": 3 // last\n  } // end\n}\n",
        ),
        (
            "b",
            "{\n  \"s\": {\n    // the servers\n    \"a\": 1, // first\n\n    /* about c */ \"c\": 3 // last\n  } // end\n}\n",
        ),
        (
            "c",
            "{\n  \"s\": {\n    // the servers\n    \"a\": 1, // first\n\n    // about b\n    // and more\n    \"b\": { /* in b */ }  // b's own\n  } // end\n}\n",
        ),
    ] {
        let (changed, piece) = cut(text, &["s", name]).expect("valid").expect("there");
        assert_eq!(changed, without, "without {name}");
        let back = paste(&changed, &["s"], &piece).expect("valid");
        let names = |text: &str| {
            let document = Document::parse(text).expect("valid");
            let root = document.root.expect("a value");
            let section = root.as_object().expect("a group").properties[0].value.clone();
            let names: Vec<String> = section
                .as_object()
                .expect("a group")
                .properties
                .iter()
                .map(|p| p.name.as_str().to_owned())
                .collect();
            names
        };
        assert_eq!(names(&back), ["a", "b", "c"], "{back}");
        for comment in text.split("//").skip(1).map(|rest| rest.lines().next().unwrap_or_default())
        {
            assert!(back.contains(comment), "{comment} is back in {back}");
        }
    }
}

#[test]
fn cutting_leaves_a_tidy_text() {
    for (text, path, expected) in [
        ("{ \"a\": 1 }", &["a"][..], "{}"),
        ("{\n  \"a\": 1\n}\n", &["a"], "{}\n"),
        ("{ \"a\": 1, \"b\": 2 }", &["a"], "{ \"b\": 2 }"),
        ("{ \"a\": 1, \"b\": 2 }", &["b"], "{ \"a\": 1 }"),
        ("{ \"a\": 1, \"b\": 2, \"c\": 3 }", &["b"], "{ \"a\": 1, \"c\": 3 }"),
        ("{\"a\":1,\"b\":2,}", &["b"], "{\"a\":1,}"),
        ("{ \"a\": 1, // x\n  \"b\": 2 }", &["b"], "{ \"a\": 1 // x\n   }"),
        ("{\r\n  \"a\": 1,\r\n  \"b\": 2\r\n}", &["b"], "{\r\n  \"a\": 1\r\n}"),
        ("{\n  // keep\n  \"a\": 1\n}", &["a"], "{\n  // keep\n}"),
        ("{\n  \"a\": 1 /* , */ ,\n  \"b\": 2\n}", &["a"], "{\n  \"b\": 2\n}"),
        (
            "{\n  \"a\": 1,\n\n  // far above\n\n  \"b\": 2\n}",
            &["b"],
            "{\n  \"a\": 1\n\n  // far above\n\n}",
        ),
    ] {
        let (changed, _) = cut(text, path).expect("valid").expect("there");
        assert_eq!(changed, expected, "{text:?}");
    }
    assert_eq!(cut("{}", &["a"]), Ok(None));
    assert_eq!(cut("", &["a"]), Ok(None));
}
