//! Configurations that must be refused.

use leaf_ssl::{Result, Task};

use crate::task;

/// A change of a configuration and the message that refuses it.
pub type Change<'a, C> = (fn(&mut C), &'a str);

/// The message of an error.
///
/// # Panics
/// When there is none.
pub fn refusal<T>(built: Result<T>) -> String {
    match built {
        Ok(_) => panic!("it was not refused"),
        Err(error) => error.to_string(),
    }
}

/// Fails unless the default configuration is built, each of these changes of it is refused with its
/// message, and so is a task of one class.
///
/// # Panics
/// When something is accepted or refused with another message.
pub fn assert_refuses<C: Default, A>(
    build: impl Fn(&C, &Task) -> Result<A>,
    changes: &[Change<C>],
) {
    if let Err(error) = build(&C::default(), &task()) {
        panic!("the default is refused: {error}");
    }
    for (change, expected) in changes {
        let mut config = C::default();
        change(&mut config);
        assert_eq!(refusal(build(&config, &task())), *expected);
    }
    let one = refusal(build(&C::default(), &Task::new(1)));
    assert_eq!(one, "num_classes = 1, expected at least 2");
}
