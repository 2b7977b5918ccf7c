//! What is rendered: files, or standard input.

use std::fs;
use std::io::{Read as _, stdin};
use std::path::Path;

use serde_json::{Deserializer, Value};

use crate::config::{Position, Problem};

/// Reads a file, or standard input when it is called `-`. Whoever renders may use a pipe, too.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, Vec<Problem>> {
    let mut bytes = Vec::new();
    let read = match path.as_os_str() == "-" {
        true => stdin().lock().read_to_end(&mut bytes).map(|_| bytes),
        false => fs::read(path),
    };
    read.map_err(|error| vec![in_file(path, &format!("cannot be read: {error}"))])
}

/// Reads what has to hold something: a command before the pipe may have failed.
pub(super) fn read_some(path: &Path) -> Result<Vec<u8>, Vec<Problem>> {
    let bytes = read(path)?;
    match bytes.iter().all(u8::is_ascii_whitespace) {
        true => Err(vec![in_file(path, "is empty")]),
        false => Ok(bytes),
    }
}

/// A problem with a whole file.
pub(super) fn in_file(path: &Path, text: &str) -> Problem {
    Problem::error("", text).in_file(&name(path).into())
}

/// What messages call a file.
pub(super) fn name(path: &Path) -> &Path {
    match path.as_os_str() == "-" {
        true => Path::new("standard input"),
        false => path,
    }
}

/// All objects of JSON files: one after the other, or in lists.
pub(super) fn objects<'f>(
    files: impl IntoIterator<Item = &'f Path>,
) -> Result<Vec<(&'f Path, Value)>, Vec<Problem>> {
    let mut objects = Vec::new();
    for path in files {
        let bytes = read_some(path)?;
        for value in Deserializer::from_slice(&bytes).into_iter::<Value>() {
            match value {
                Ok(Value::Array(items)) => objects.extend(items.into_iter().map(|item| (path, item))),
                Ok(object) => objects.push((path, object)),
                Err(error) => return Err(vec![no_json(path, &error)]),
            }
        }
    }
    Ok(objects)
}

pub(super) fn no_json(path: &Path, error: &serde_json::Error) -> Problem {
    let number = |number| u32::try_from(number).unwrap_or(u32::MAX);
    let position = Position::new(number(error.line()), number(error.column()).max(1));
    in_file(path, &error.to_string()).at(position)
}
