//! Keeping the record as short as a person wants it.

use crate::{NotRecorded, ReadError, Record};

/// A record that is too large is made smaller than it may be by this part, in hundredths, so that
/// not every look at it removes a little.
const SLACK: u64 = 10;

impl Record {
    /// Removes the rows that were made before a moment (milliseconds since 1970, UTC), up to the
    /// first that was not, and says how many there were.
    ///
    /// # Errors
    /// When it could not be done; some rows may be gone then.
    pub async fn remove_older_than(&self, at: i64) -> Result<i64, NotRecorded> {
        self.writer().settle_journal().await;
        let oldest = self.readers().oldest().await.map_err(unreadable)?;
        let first = self.readers().first_since(at).await.map_err(unreadable)?;
        let newest = *self.newest().borrow();
        match (oldest, first) {
            (Some(oldest), Some(first)) if first > oldest => self.remove_before(first).await,
            (Some(_), None) => self.remove_before(newest + 1).await,
            _ => Ok(0),
        }
    }

    /// Removes the oldest rows where the record and its index take more than so many bytes, and
    /// says how many there were.
    ///
    /// # Errors
    /// When it could not be done; some rows may be gone then.
    pub async fn remove_down_to(&self, bytes: u64) -> Result<i64, NotRecorded> {
        let taken = self.size().await.map_err(unreadable)?.bytes;
        let oldest = self.readers().oldest().await.map_err(unreadable)?;
        let (Some(oldest), true) = (oldest, taken > bytes) else { return Ok(0) };
        let newest = *self.newest().borrow();
        let rows = u64::try_from(newest - oldest + 1).unwrap_or(0);
        let stay = u128::from(rows) * u128::from(bytes) * u128::from(100 - SLACK)
            / (u128::from(taken) * 100);
        let stay = i64::try_from(stay).unwrap_or(i64::MAX);
        self.remove_before(newest + 1 - stay).await
    }
}

fn unreadable(error: ReadError) -> NotRecorded {
    NotRecorded::Unwritable(error.to_string().into())
}
