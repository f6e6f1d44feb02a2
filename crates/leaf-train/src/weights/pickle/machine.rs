//! The stack machine.

use std::collections::HashMap;

use super::super::refusal::{Refusal, Result};
use super::{Bytes, Id, Pickle, Value};

/// Most steps of a pickle. Large weights lie outside it, so that whole networks take some thousand.
const MOST_STEPS: usize = 1 << 24;

/// Reads one pickle from the front of the bytes.
pub(in super::super) fn parse(bytes: &mut Bytes) -> Result<Pickle> {
    let mut machine = Machine::default();
    for _ in 0..MOST_STEPS {
        let at = bytes.taken();
        let code = bytes.u8()?;
        if code == b'.' {
            let root = machine.pop()?;
            let values = machine.values;
            return Ok(Pickle { values, root });
        }
        let known = machine.constant(code, bytes)?
            || machine.collection(code)?
            || machine.memory(code, bytes)?
            || machine.object(code, bytes)?;
        if !known {
            return Err(Refusal::new(
                format!("instruction {code:#04x} at byte {at} of a pickle"),
                "an instruction that torch.save writes",
            ));
        }
    }
    Err(Refusal::new(
        format!("a pickle of more than {MOST_STEPS} steps"),
        "names and shapes of tensors",
    ))
}

#[derive(Debug, Default)]
struct Machine {
    values: Vec<Value>,
    stack: Vec<Id>,
    /// How high the stack was at each mark.
    marks: Vec<usize>,
    memory: HashMap<usize, Id>,
}

impl Machine {
    fn push(&mut self, value: Value) {
        self.values.push(value);
        self.stack.push(self.values.len() - 1);
    }

    fn pop(&mut self) -> Result<Id> {
        let floor = self.marks.last().copied().unwrap_or(0);
        if self.stack.len() <= floor {
            return Err(Refusal::new(
                "a pickle that takes from an empty stack",
                "a whole one",
            ));
        }
        self.stack.pop().ok_or_else(no_value)
    }

    fn top(&self) -> Result<Id> {
        self.stack.last().copied().ok_or_else(no_value)
    }

    /// Everything above the last mark.
    fn pop_to_mark(&mut self) -> Result<Vec<Id>> {
        let no_mark = || {
            Refusal::new(
                "a pickle without the mark that it goes back to",
                "a whole one",
            )
        };
        let height = self.marks.pop().ok_or_else(no_mark)?;
        Ok(self.stack.split_off(height.min(self.stack.len())))
    }

    /// Instructions that push a value of their own.
    fn constant(&mut self, code: u8, bytes: &mut Bytes) -> Result<bool> {
        let value = match code {
            b'N' => Value::None,
            0x88 => Value::Bool(true),
            0x89 => Value::Bool(false),
            b'K' => Value::Int(bytes.u8()?.into()),
            b'M' => Value::Int(bytes.u16()?.into()),
            b'J' => Value::Int(bytes.i32()?.into()),
            0x8a => {
                let count = bytes.u8()?.into();
                bytes.long(count)?.map_or(Value::Other, Value::Int)
            }
            b'G' => Value::Float(bytes.f64_big_endian()?),
            b'X' => {
                let count = bytes.u32()? as usize;
                text(bytes.take(count)?)?
            }
            0x8c => {
                let count = bytes.u8()?.into();
                text(bytes.take(count)?)?
            }
            // Strings of Python 2, which are bytes.
            b'U' => {
                let count = bytes.u8()?.into();
                text(bytes.take(count)?).unwrap_or(Value::Other)
            }
            b'C' => {
                let count = bytes.u8()?.into();
                bytes.take(count).map(|_| Value::Other)?
            }
            b'B' => {
                let count = bytes.u32()? as usize;
                bytes.take(count).map(|_| Value::Other)?
            }
            b')' | b']' => Value::Items(Vec::new()),
            b'}' => Value::Dict(Vec::new()),
            0x8f => Value::Other,
            _ => return Ok(false),
        };
        self.push(value);
        Ok(true)
    }

    /// Instructions that make or fill tuples, lists and dictionaries.
    fn collection(&mut self, code: u8) -> Result<bool> {
        match code {
            b'(' => self.marks.push(self.stack.len()),
            b't' | b'l' => {
                let items = self.pop_to_mark()?;
                self.push(Value::Items(items));
            }
            b'd' => {
                let entries = self.pop_to_mark()?;
                self.push(Value::Dict(Vec::new()));
                self.extend_dict(&entries)?;
            }
            0x85..=0x87 => {
                let count = usize::from(code - 0x84);
                let mut items = (0..count)
                    .map(|_| self.pop())
                    .collect::<Result<Vec<Id>>>()?;
                items.reverse();
                self.push(Value::Items(items));
            }
            b'a' => {
                let item = self.pop()?;
                self.extend(&[item])?;
            }
            b'e' | 0x90 => {
                let items = self.pop_to_mark()?;
                self.extend(&items)?;
            }
            b's' => {
                let (value, key) = (self.pop()?, self.pop()?);
                self.extend_dict(&[key, value])?;
            }
            b'u' => {
                let entries = self.pop_to_mark()?;
                self.extend_dict(&entries)?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Adds to the list on top. What other objects would do with items, nobody knows.
    fn extend(&mut self, items: &[Id]) -> Result<()> {
        let top = self.top()?;
        if let Some(Value::Items(list)) = self.values.get_mut(top) {
            list.extend(items);
        }
        Ok(())
    }

    fn extend_dict(&mut self, entries: &[Id]) -> Result<()> {
        let (pairs, rest) = entries.as_chunks::<2>();
        if !rest.is_empty() {
            return Err(Refusal::new(
                "a pickle with a key without a value",
                "a whole one",
            ));
        }
        let top = self.top()?;
        if let Some(Value::Dict(dict)) = self.values.get_mut(top) {
            dict.extend(pairs.iter().map(|&[key, value]| (key, value)));
        }
        Ok(())
    }

    /// Instructions about the stack itself and what is remembered.
    fn memory(&mut self, code: u8, bytes: &mut Bytes) -> Result<bool> {
        match code {
            // The protocol's number and its frames change nothing for who has all bytes.
            0x80 => drop(bytes.u8()?),
            0x95 => drop(bytes.length()?),
            b'0' => drop(self.pop()?),
            b'1' => drop(self.pop_to_mark()?),
            b'2' => {
                let top = self.top()?;
                self.stack.push(top);
            }
            b'q' => self.remember(bytes.u8()?.into())?,
            b'r' => self.remember(bytes.u32()? as usize)?,
            0x94 => self.remember(self.memory.len())?,
            b'h' => self.recall(bytes.u8()?.into())?,
            b'j' => self.recall(bytes.u32()? as usize)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn remember(&mut self, name: usize) -> Result<()> {
        let top = self.top()?;
        self.memory.insert(name, top);
        Ok(())
    }

    fn recall(&mut self, name: usize) -> Result<()> {
        let Some(&id) = self.memory.get(&name) else {
            let found = format!("a pickle that recalls value {name}, which it did not remember");
            return Err(Refusal::new(found, "a whole one"));
        };
        self.stack.push(id);
        Ok(())
    }

    /// Instructions that would import or call something: they are written down.
    fn object(&mut self, code: u8, bytes: &mut Bytes) -> Result<bool> {
        match code {
            b'c' => {
                let (module, name) = (bytes.line()?, bytes.line()?);
                self.push(Value::Global(module, name));
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                let text = |id: Id| match self.values.get(id) {
                    Some(Value::Text(text)) => text.clone(),
                    _ => String::new(),
                };
                self.push(Value::Global(text(module), text(name)));
            }
            b'R' | 0x81 => {
                let (arguments, function) = (self.pop()?, self.pop()?);
                let made = self.made(function, arguments);
                self.push(made);
            }
            0x92 => {
                let (_keywords, arguments, class) = (self.pop()?, self.pop()?, self.pop()?);
                self.push(Value::Call(class, arguments));
            }
            // An object's attributes: those of a dictionary are not its entries.
            b'b' => drop(self.pop()?),
            b'Q' => {
                let id = self.pop()?;
                self.push(Value::Outside(id));
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// An ordered dictionary is a dictionary; anything else stays the description of a call.
    fn made(&self, function: Id, arguments: Id) -> Value {
        let call = Value::Call(function, arguments);
        let ordered = Value::Global("collections".to_owned(), "OrderedDict".to_owned());
        if self.values.get(function) != Some(&ordered) {
            return call;
        }
        let items = |id: Id| match self.values.get(id) {
            Some(Value::Items(items)) => Some(items.as_slice()),
            _ => None,
        };
        let pair = |&id: &Id| match items(id) {
            Some(&[key, value]) => Some((key, value)),
            _ => None,
        };
        let entries = match items(arguments) {
            Some([]) => Some(Vec::new()),
            // Python 2 writes the entries as arguments.
            Some(&[list]) => items(list).and_then(|list| list.iter().map(pair).collect()),
            _ => None,
        };
        entries.map_or(call, Value::Dict)
    }
}

fn text(bytes: &[u8]) -> Result<Value> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let found = format!("text in a pickle that is no UTF-8 ({error})");
        Refusal::new(found, "UTF-8")
    })?;
    Ok(Value::Text(text.to_owned()))
}

fn no_value() -> Refusal {
    Refusal::new("a pickle that takes from an empty stack", "a whole one")
}
