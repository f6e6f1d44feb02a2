//! In what two descriptions of a run differ.

use serde_json::Value;

/// Every entry in which two JSON values differ, by its path, with what was found and what was expected.
pub fn differences(found: &Value, expected: &Value) -> Vec<String> {
    let mut all = Vec::new();
    compare("", Some(found), Some(expected), &mut all);
    all
}

fn compare(path: &str, found: Option<&Value>, expected: Option<&Value>, all: &mut Vec<String>) {
    if found == expected {
        return;
    }
    if let (Some(Value::Object(ours)), Some(Value::Object(theirs))) = (found, expected) {
        let mut names: Vec<&String> = ours.keys().chain(theirs.keys()).collect();
        names.sort();
        names.dedup();
        for name in names {
            let inner = match path {
                "" => name.clone(),
                path => format!("{path}.{name}"),
            };
            compare(&inner, ours.get(name), theirs.get(name), all);
        }
        return;
    }
    let text = |value: Option<&Value>| value.map_or_else(|| "absent".to_owned(), Value::to_string);
    let (found, expected) = (text(found), text(expected));
    all.push(format!("{path} is {found}, expected {expected}"));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_is_named_by_its_path() {
        let found = json!({"a": 1, "b": {"c": [1, 2], "d": "x"}, "e": null});
        let expected = json!({"a": 1, "b": {"c": [2, 1], "d": "x"}, "f": 0.5});
        assert_eq!(
            differences(&found, &expected),
            [
                "b.c is [1,2], expected [2,1]",
                "e is null, expected absent",
                "f is absent, expected 0.5"
            ]
        );
        assert!(differences(&found, &found).is_empty());
    }
}
