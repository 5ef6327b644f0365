//! What ties each row to the one before: a change anywhere shows in every row after it.

use sha2::{Digest, Sha256};

/// Says what is hashed and in which form, so that another form can never be taken for this one.
const FORM: &[u8] = b"drawbridge record 1";

/// SHA-256 over a row and, by the chain of the row before, over all rows before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Chain(pub(crate) [u8; 32]);

/// One value of a row, as SQLite keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field<'a> {
    Null,
    Whole(i64),
    Text(&'a str),
    Bytes(&'a [u8]),
}

impl Chain {
    /// What the first row of all follows.
    pub(crate) const START: Self = Self([0; 32]);

    /// The chain of the row with these values, all but the chain itself, in the order of its
    /// columns. `buffer` is only there to be used again.
    pub(crate) fn then<'a>(
        self,
        row: impl IntoIterator<Item = Field<'a>>,
        buffer: &mut Vec<u8>,
    ) -> Self {
        buffer.clear();
        buffer.extend_from_slice(FORM);
        buffer.extend_from_slice(&self.0);
        for field in row {
            let (tag, bytes) = match field {
                Field::Null => {
                    buffer.push(0);
                    continue;
                }
                Field::Whole(number) => {
                    buffer.push(1);
                    buffer.extend_from_slice(&number.to_le_bytes());
                    continue;
                }
                Field::Text(text) => (2, text.as_bytes()),
                Field::Bytes(bytes) => (3, bytes),
            };
            buffer.push(tag);
            buffer.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
            buffer.extend_from_slice(bytes);
        }
        Self::of(buffer)
    }

    /// The chain of a row that stands in this form.
    pub(crate) fn of(form: &[u8]) -> Self {
        Self(Sha256::digest(form).into())
    }

    /// The values of the row that stands in this form and follows one with this chain.
    pub(crate) fn values_after(self, form: &[u8]) -> Option<Vec<Field<'_>>> {
        let mut rest = form.strip_prefix(FORM)?.strip_prefix(&self.0)?;
        let mut values = Vec::new();
        while let Some((tag, after)) = rest.split_first() {
            if *tag == 0 {
                rest = after;
                values.push(Field::Null);
                continue;
            }
            let (number, after) = after.split_first_chunk()?;
            if *tag == 1 {
                rest = after;
                values.push(Field::Whole(i64::from_le_bytes(*number)));
                continue;
            }
            let length = usize::try_from(u64::from_le_bytes(*number)).ok()?;
            let (bytes, after) = after.split_at_checked(length)?;
            rest = after;
            values.push(match tag {
                2 => Field::Text(std::str::from_utf8(bytes).ok()?),
                3 => Field::Bytes(bytes),
                _ => return None,
            });
        }
        Some(values)
    }

    /// 64 hexadecimal digits.
    pub(crate) fn hex(self) -> String {
        hex::encode(self.0)
    }

    pub(crate) fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).ok()?;
        Some(Self(bytes))
    }
}

impl<'a> From<Option<&'a str>> for Field<'a> {
    fn from(text: Option<&'a str>) -> Self {
        text.map_or(Self::Null, Self::Text)
    }
}

impl<'a> From<Option<&'a [u8]>> for Field<'a> {
    fn from(bytes: Option<&'a [u8]>) -> Self {
        bytes.map_or(Self::Null, Self::Bytes)
    }
}

impl From<Option<i64>> for Field<'_> {
    fn from(number: Option<i64>) -> Self {
        number.map_or(Self::Null, Self::Whole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(row: &[Field<'_>]) -> Chain {
        Chain::START.then(row.iter().copied(), &mut Vec::new())
    }

    #[test]
    fn rows_that_differ_in_any_way_have_different_chains() {
        let rows: [&[Field<'_>]; 9] = [
            &[],
            &[Field::Null],
            &[Field::Null, Field::Null],
            &[Field::Whole(0)],
            &[Field::Text("")],
            &[Field::Bytes(b"")],
            &[Field::Text("ab"), Field::Text("c")],
            &[Field::Text("a"), Field::Text("bc")],
            &[Field::Bytes(b"ab"), Field::Text("c")],
        ];
        for (n, row) in rows.iter().enumerate() {
            for other in &rows[..n] {
                assert_ne!(chain(row), chain(other), "{row:?} {other:?}");
            }
        }
        let first = chain(&[Field::Whole(1)]);
        assert_ne!(first.then([Field::Whole(2)], &mut Vec::new()), chain(&[Field::Whole(2)]));
        assert_eq!(Chain::from_hex(&first.hex()), Some(first));
    }
}
