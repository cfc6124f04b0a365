//! What a pooler's answer means for the caller.

/// How a caller should react to a failure that a pooler of Supabase has answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reaction {
    /// Something in the configuration is wrong: correct it; trying again can't help.
    Fix,
    /// There is no room at present: wait until others have gone, then try again.
    Wait,
    /// Something between pooler and database has failed: try again.
    Retry,
    /// Each further try makes it worse: stop until the cause is removed.
    Stop,
}

impl Reaction {
    /// The word that reaches JavaScript as `error.supabase.reaction`.
    pub fn as_str(self) -> &'static str {
        match self {
            Reaction::Fix => "fix",
            Reaction::Wait => "wait",
            Reaction::Retry => "retry",
            Reaction::Stop => "stop",
        }
    }
}

/// What is known of a failure on the way to a Supabase project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advice {
    /// The pooler's own code, such as `EMAXCONNSESSION`, or the one that its newer releases have for this answer.
    pub code: &'static str,
    /// How to react.
    pub reaction: Reaction,
    /// For people: what to do.
    pub hint: String,
}
