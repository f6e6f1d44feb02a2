//! What a pickle describes.

/// A value's place in its pickle.
pub(in super::super) type Id = usize;

/// One value; what it holds are places of others, so that values that occur again and again cost
/// nothing, and nothing is as deep as a file says.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) enum Value {
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    /// Something that no weights are made of: bytes, sets, integers beyond 64 bits.
    Other,
    /// A tuple, a list.
    Items(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    /// The name of a class or a function, which is never looked up.
    Global(String, String),
    /// What a function would make of arguments, which is never called.
    Call(Id, Id),
    /// Something that lies outside the pickle.
    Outside(Id),
}

/// All values of a pickle.
#[derive(Clone, Debug)]
pub(in super::super) struct Pickle {
    pub(super) values: Vec<Value>,
    pub(super) root: Id,
}

impl Pickle {
    /// The outermost value.
    pub(in super::super) fn root(&self) -> Id {
        self.root
    }

    /// The places of all values.
    pub(in super::super) fn ids(&self) -> std::ops::Range<Id> {
        0..self.values.len()
    }

    pub(in super::super) fn value(&self, id: Id) -> &Value {
        self.values.get(id).unwrap_or(&Value::Other)
    }

    pub(in super::super) fn text(&self, id: Id) -> Option<&str> {
        match self.value(id) {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A whole number that is not negative.
    pub(in super::super) fn size(&self, id: Id) -> Option<usize> {
        match self.value(id) {
            Value::Int(value) => usize::try_from(*value).ok(),
            _ => None,
        }
    }

    /// Whole numbers that are not negative.
    pub(in super::super) fn sizes(&self, id: Id) -> Option<Vec<usize>> {
        self.items(id)?.iter().map(|&id| self.size(id)).collect()
    }

    pub(in super::super) fn items(&self, id: Id) -> Option<&[Id]> {
        match self.value(id) {
            Value::Items(items) => Some(items),
            _ => None,
        }
    }

    pub(in super::super) fn entries(&self, id: Id) -> Option<&[(Id, Id)]> {
        match self.value(id) {
            Value::Dict(entries) => Some(entries),
            _ => None,
        }
    }

    /// The name of a class or a function.
    pub(in super::super) fn global(&self, id: Id) -> Option<(&str, &str)> {
        match self.value(id) {
            Value::Global(module, name) => Some((module, name)),
            _ => None,
        }
    }

    /// A call's function and arguments.
    pub(in super::super) fn call(&self, id: Id) -> Option<((&str, &str), &[Id])> {
        let Value::Call(function, arguments) = *self.value(id) else {
            return None;
        };
        Some((self.global(function)?, self.items(arguments)?))
    }

    /// A dictionary's value under a name.
    pub(in super::super) fn entry(&self, dict: Id, name: &str) -> Option<Id> {
        let entries = self.entries(dict)?.iter();
        let mut values = entries.filter(|(key, _)| self.text(*key) == Some(name));
        values.next_back().map(|(_, value)| *value)
    }
}
