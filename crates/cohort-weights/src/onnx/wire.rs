//! Protocol buffers, as far as a file of weights needs them: fields of a message, one after another.
//!
//! Source: the encoding's own description (protobuf.dev, "Encoding"). Groups, which ended with version 2, are refused.

/// A field's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value<'a> {
    /// A number of any integer kind.
    Number(u64),
    /// Four bytes or eight.
    Fixed(&'a [u8]),
    /// A string, bytes, a message, or packed numbers.
    Bytes(&'a [u8]),
}

impl<'a> Value<'a> {
    /// What it holds, where it is no number.
    pub(super) fn bytes(self) -> Option<&'a [u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }
}

/// The fields of a message in their order: number and value, or what is wrong.
pub(super) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(super) fn new(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    fn number(&mut self) -> Result<u64, String> {
        let mut value = 0_u64;
        for i in 0..10 {
            let (&byte, rest) = self.rest.split_first().ok_or("a number is cut off")?;
            self.rest = rest;
            if i == 9 && byte > 1 {
                break;
            }
            value |= u64::from(byte & 0x7f) << (7 * i);
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err("expected a number of at most 64 bits, found a longer one".into())
    }

    fn take(&mut self, length: u64) -> Result<&'a [u8], String> {
        let there = self.rest.len();
        let length = usize::try_from(length).ok().filter(|n| *n <= there);
        let length = length.ok_or_else(|| {
            format!("a field reaches beyond its message, which has {there} bytes left")
        })?;
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        Ok(taken)
    }

    fn field(&mut self) -> Result<(u64, Value<'a>), String> {
        let key = self.number()?;
        let value = match key & 7 {
            0 => Value::Number(self.number()?),
            1 => Value::Fixed(self.take(8)?),
            2 => {
                let length = self.number()?;
                Value::Bytes(self.take(length)?)
            }
            5 => Value::Fixed(self.take(4)?),
            kind => {
                return Err(format!(
                    "expected a field of kind 0, 1, 2 or 5, found {kind}"
                ));
            }
        };
        match key >> 3 {
            0 => Err("expected a field with a number from 1, found 0".into()),
            number => Ok((number, value)),
        }
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u64, Value<'a>), String>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.rest = &[];
        }
        Some(field)
    }
}

/// Adds the numbers of a repeated field, one or packed, to `all`, of which there may be `most`.
pub(super) fn repeated(value: Value<'_>, all: &mut Vec<u64>, most: usize) -> Result<(), String> {
    let mut add = |number: u64| {
        if all.len() >= most {
            return Err(format!("expected at most {most} numbers of a field"));
        }
        all.push(number);
        Ok(())
    };
    match value {
        Value::Number(number) => add(number),
        Value::Bytes(packed) => {
            let mut packed = Fields::new(packed);
            while !packed.rest.is_empty() {
                add(packed.number()?)?;
            }
            Ok(())
        }
        Value::Fixed(_) => Err("expected whole numbers of variable length".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_field_and_numbers_of_any_length() {
        // 150 as the description writes it; 2^64 - 1 in ten bytes; four, eight and three bytes
        let mut message = vec![0x08, 0x96, 0x01, 0x10];
        message.extend([0xff; 9]);
        message.extend([0x01, 0x1d, 1, 2, 3, 4, 0x21, 1, 2, 3, 4, 5, 6, 7, 8]);
        message.extend([0x2a, 3, 7, 0x8e, 0x02]);
        let fields: Vec<_> = Fields::new(&message).map(Result::unwrap).collect();
        assert_eq!(
            fields,
            [
                (1, Value::Number(150)),
                (2, Value::Number(u64::MAX)),
                (3, Value::Fixed(&[1, 2, 3, 4])),
                (4, Value::Fixed(&[1, 2, 3, 4, 5, 6, 7, 8])),
                (5, Value::Bytes(&[7, 0x8e, 2])),
            ]
        );
        let mut all = vec![1];
        repeated(fields[4].1, &mut all, 3).unwrap();
        assert_eq!(all, [1, 7, 270]);
        assert!(repeated(fields[0].1, &mut all, 3).is_err());
    }

    #[test]
    fn what_is_no_message_is_an_error_and_the_last_field() {
        let eleven = [[0x08].as_slice(), &[0xff; 10], &[1]].concat();
        let ten = [[0x08].as_slice(), &[0xff; 9], &[2]].concat();
        let cases: [&[u8]; 7] = [
            &[0x08],
            &[0x0a, 5, 1, 2],
            &[0x0b, 0x0c],
            &[0x00, 0x01],
            &[0x0d, 1, 2, 3],
            &eleven,
            &ten,
        ];
        for message in cases {
            let fields: Vec<_> = Fields::new(message).collect();
            assert!(
                fields.len() == 1 && fields[0].is_err(),
                "{message:?} {fields:?}"
            );
        }
    }
}
