//! What a statement has done, by the command tag that the server answered it with.

/// What a command does to the statements that are prepared in its session, and to what is known of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionEffect {
    /// Every prepared statement is gone.
    ForgetsStatements,
    /// One was prepared or deallocated: a name may mean another statement.
    ChangesStatements,
    /// Settings have changed, which the end of the transaction may undo.
    ChangesSettings,
    /// A transaction has ended.
    EndsTransaction,
    /// The schema has changed.
    ChangesSchema,
}

impl SessionEffect {
    /// That of the command with this tag; most have none.
    pub fn of(tag: &[u8]) -> Option<SessionEffect> {
        // Nearly all tags are SELECT, INSERT or UPDATE.
        if !matches!(tag.first(), Some(b'A' | b'C' | b'D' | b'P' | b'R')) && tag != b"SET" {
            return None;
        }
        match tag {
            b"DISCARD ALL" | b"DEALLOCATE ALL" => Some(SessionEffect::ForgetsStatements),
            b"DEALLOCATE" | b"PREPARE" => Some(SessionEffect::ChangesStatements),
            b"SET" | b"RESET" | b"DISCARD TEMP" => Some(SessionEffect::ChangesSettings),
            b"COMMIT" | b"ROLLBACK" => Some(SessionEffect::EndsTransaction),
            _ if [b"ALTER ".as_slice(), b"CREATE ", b"DROP "].iter().any(|word| tag.starts_with(word)) => {
                Some(SessionEffect::ChangesSchema)
            }
            _ => None,
        }
    }
}

/// How a statement of transaction control ended the transaction before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransactionEnd {
    /// It was committed, or prepared for that.
    Committed,
    /// It was rolled back.
    RolledBack,
}

impl TransactionEnd {
    /// That of the command with this tag, if it ended one.
    pub fn of(tag: &str) -> Option<TransactionEnd> {
        if tag.starts_with("COMMIT") || tag.starts_with("PREPARE TRANSACTION") {
            Some(TransactionEnd::Committed)
        } else if tag.starts_with("ROLLBACK") {
            Some(TransactionEnd::RolledBack)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_says_what_became_of_the_session() {
        let tags = [
            ("DISCARD ALL", Some(SessionEffect::ForgetsStatements)),
            ("DEALLOCATE ALL", Some(SessionEffect::ForgetsStatements)),
            ("DEALLOCATE", Some(SessionEffect::ChangesStatements)),
            ("PREPARE", Some(SessionEffect::ChangesStatements)),
            ("PREPARE TRANSACTION", None),
            ("SET", Some(SessionEffect::ChangesSettings)),
            ("RESET", Some(SessionEffect::ChangesSettings)),
            ("DISCARD TEMP", Some(SessionEffect::ChangesSettings)),
            ("COMMIT", Some(SessionEffect::EndsTransaction)),
            ("ROLLBACK", Some(SessionEffect::EndsTransaction)),
            ("CREATE TABLE", Some(SessionEffect::ChangesSchema)),
            ("DROP INDEX", Some(SessionEffect::ChangesSchema)),
            ("SELECT 1", None),
            ("SHOW", None),
            ("CLOSE CURSOR", None),
            ("", None),
        ];
        for (tag, effect) in tags {
            assert_eq!(SessionEffect::of(tag.as_bytes()), effect, "{tag}");
        }
    }

    #[test]
    fn a_tag_says_how_a_transaction_ended() {
        assert_eq!(TransactionEnd::of("COMMIT"), Some(TransactionEnd::Committed));
        assert_eq!(TransactionEnd::of("PREPARE TRANSACTION"), Some(TransactionEnd::Committed));
        assert_eq!(TransactionEnd::of("ROLLBACK"), Some(TransactionEnd::RolledBack));
        assert_eq!(TransactionEnd::of("BEGIN"), None);
    }
}
