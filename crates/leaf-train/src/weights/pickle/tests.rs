//! Pickles that no one should have written.

use super::super::refusal::Result;
use super::*;

fn read(bytes: &[u8]) -> Result<Pickle> {
    parse(&mut Bytes::new(bytes))
}

#[test]
fn values_come_back() -> Result<()> {
    // {'a': (1, True, None), 'b': [-2, 300]}
    let pickle = read(
        b"\x80\x02}q\x00(X\x01\x00\x00\x00aK\x01\x88N\x87X\x01\x00\x00\x00b](J\xfe\xff\xff\xffM\x2c\x01eu.",
    )?;
    let entry = |name| pickle.entry(pickle.root(), name);
    let tuple = entry("a").and_then(|id| pickle.items(id));
    let values: Vec<&Value> = tuple
        .unwrap_or_default()
        .iter()
        .map(|&id| pickle.value(id))
        .collect();
    assert_eq!(values, [&Value::Int(1), &Value::Bool(true), &Value::None]);
    let list = entry("b")
        .and_then(|id| pickle.items(id))
        .unwrap_or_default();
    assert_eq!(list.len(), 2);
    assert_eq!(pickle.value(list[0]), &Value::Int(-2));
    assert_eq!(
        (pickle.size(list[0]), pickle.size(list[1])),
        (None, Some(300))
    );
    Ok(())
}

#[test]
fn a_dictionary_that_is_remembered_empty_is_the_one_that_is_filled() -> Result<()> {
    // d = {}; d['a'] = 1; (d, d)
    let pickle = read(b"}q\x00X\x01\x00\x00\x00aK\x01sh\x00\x86.")?;
    let items = pickle.items(pickle.root()).unwrap_or_default();
    assert_eq!(items.len(), 2);
    for &id in items {
        assert!(pickle.entry(id, "a").is_some());
    }
    Ok(())
}

#[test]
fn nothing_is_called() -> Result<()> {
    let pickle = read(b"cos\nsystem\nX\x04\x00\x00\x00exit\x85R.")?;
    let (function, arguments) = pickle.call(pickle.root()).expect("a call, written down");
    assert_eq!(function, ("os", "system"));
    assert_eq!(pickle.text(arguments[0]), Some("exit"));
    Ok(())
}

#[test]
fn a_pickle_that_doubles_itself_stays_small() -> Result<()> {
    let mut bytes = b"]q\x00".to_vec();
    for _ in 0..10_000 {
        bytes.extend(b"2\x86");
    }
    bytes.push(b'.');
    let pickle = read(&bytes)?;
    assert_eq!(pickle.ids().len(), 10_001);
    // As deep as it is, it is dropped without going down.
    drop(pickle);
    Ok(())
}

#[test]
fn damage_is_an_error() {
    for (bytes, wanted) in [
        (&b""[..], "0 bytes"),
        (b".", "empty stack"),
        (b"(.", "empty stack"),
        (b"t.", "mark"),
        (b"K\x01(\x85.", "empty stack"),
        (b"h\x07.", "recalls value 7"),
        (b"X\xff\xff\xff\xffabc", "3 bytes from byte 5 on"),
        (b"X\x01\x00\x00\x00\xff.", "no UTF-8"),
        (b"}K\x01(K\x01u.", "key without a value"),
        (b"cos", "no line break"),
        (b"i.", "instruction 0x69 at byte 0"),
        (b"\x8a\xff", "0 bytes"),
        (b"}", "0 bytes"),
    ] {
        let refusal = read(bytes).expect_err("damage");
        let text = format!("{refusal:?}");
        assert!(text.contains(wanted), "{bytes:?}: {text}");
    }
}

#[test]
fn no_two_bytes_make_it_panic() {
    for first in 0..=255 {
        for second in 0..=255 {
            for tail in [&b"."[..], b"K\x01K\x02.", b"(K\x01.", b")\x85b."] {
                let bytes = [b"}K\x01(N]".as_slice(), &[first, second], tail].concat();
                // Whether it makes sense or not.
                let _ = read(&bytes);
            }
        }
    }
}
