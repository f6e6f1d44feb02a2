//! What a line need not repeat.

use serde_json::Value;

/// Takes out of a value everything that is the same in what all lines share.
pub(super) fn without_shared(value: &mut Value, shared: &Value) {
    let (Value::Object(value), Value::Object(shared)) = (value, shared) else {
        return;
    };
    value.retain(|name, inner| match shared.get(name) {
        Some(same) if same == inner => false,
        Some(other) => {
            without_shared(inner, other);
            true
        }
        None => true,
    });
}

/// Puts what all lines share back where a value has nothing of its own.
pub(super) fn with_shared(value: &mut Value, shared: &Value) {
    let (Value::Object(value), Value::Object(shared)) = (value, shared) else {
        return;
    };
    for (name, theirs) in shared {
        match value.get_mut(name) {
            Some(own) => with_shared(own, theirs),
            None => {
                value.insert(name.clone(), theirs.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_taken_out_comes_back() {
        let shared =
            json!({"data": {"size": 32, "split": {"rule": "even"}}, "steps": 7, "off": "off"});
        let whole = json!({"data": {"size": 32, "split": {"rule": "even", "labels": 4}}, "steps": 7, "off": {"on": 1},
            "seed": 3});
        let mut value = whole.clone();
        without_shared(&mut value, &shared);
        assert_eq!(
            value,
            json!({"data": {"split": {"labels": 4}}, "off": {"on": 1}, "seed": 3})
        );
        with_shared(&mut value, &shared);
        assert_eq!(value, whole);
        with_shared(&mut value, &shared);
        assert_eq!(value, whole);
    }
}
