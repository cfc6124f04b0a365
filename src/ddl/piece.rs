//! A part of a script that is sent as one, and how a script is split into such parts.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use super::order::Mode;
use crate::conn::message::Body;
use crate::conn::script_parts::Cut;
use crate::error::{Error, Outcome, StepState};
use crate::sql;

/// Longer scripts are dumps, whose statements are quick.
const MOST_MESSAGES: usize = 1000;

/// A part of a script that is sent as one.
#[derive(Clone)]
pub(super) struct Piece {
    pub(super) body: Body,
    /// Between BEGIN and COMMIT of ours.
    pub(super) in_transaction: bool,
    /// Data for its COPYs.
    pub(super) copies: Vec<Arc<str>>,
    /// How its text differs from the script's.
    pub(super) cuts: Vec<Cut>,
    /// Which statements of the script it consists of, by their places.
    pub(super) places: Range<usize>,
    /// The server has refused it with anything before it.
    pub(super) is_alone: bool,
}

impl Piece {
    /// A whole script, of whose statements nothing is known.
    pub(super) fn whole(body: &Body, in_transaction: bool) -> Piece {
        let (copies, cuts) = (Vec::new(), Vec::new());
        Piece { body: body.clone(), in_transaction, copies, cuts, places: 0..0, is_alone: false }
    }

    pub(super) fn text(&self) -> &str {
        self.body.text()
    }

    /// Whether settings may stand before its text without changing what it may do: what the server refuses in a
    /// transaction, or what may commit by itself, has to be alone.
    pub(super) fn may_be_led(&self) -> bool {
        let is_text = matches!(self.body, Body::Text(_));
        let mut statements = sql::statements(self.text());
        let may_commit = self.places.len() <= 1 && statements.any(|one| sql::may_commit_by_itself(one.text));
        is_text && !self.is_alone && !may_commit && sql::outside_transaction(self.text()).is_none()
    }

    /// A single statement once more without the settings that stood before it, when the server has refused it as a
    /// transaction for them: only it knows that a table has partitions, or a subscription a slot.
    pub(super) fn alone(&self, error: &Error) -> Option<Piece> {
        let is_refused = error.code.as_deref() == Some("25001") && error.outcome == Some(Outcome::NotApplied);
        let is_led = !self.in_transaction && self.places.len() == 1 && self.may_be_led();
        (is_refused && is_led).then(|| Piece { is_alone: true, ..self.clone() })
    }
}

/// A script as its statements, and the pieces that it is run in.
pub(super) struct Plan {
    body: Body,
    parts: Vec<Part>,
    /// What is yet to be run.
    pub(super) pieces: VecDeque<Piece>,
}

/// One statement: where it stands in the script, in bytes, and where its data does.
struct Part {
    range: Range<usize>,
    data: Option<Range<usize>>,
}

impl Plan {
    pub(super) fn of(body: &Body, mode: Mode) -> Plan {
        let statements = sql::statements(body.text());
        let parts = statements.map(|statement| Part { range: statement.range, data: statement.copy_data }).collect();
        let mut plan = Plan { body: body.clone(), parts, pieces: VecDeque::new() };
        plan.pieces = match mode {
            Mode::Transaction => [plan.piece(0..plan.parts.len(), true)].into(),
            Mode::AsItIs => [plan.piece(0..plan.parts.len(), false)].into(),
            Mode::Auto => plan.groups(),
        };
        plan
    }

    /// The texts of all statements.
    pub(super) fn statements(&self) -> Vec<String> {
        (0..self.parts.len()).map(|place| self.statement(place).to_owned()).collect()
    }

    /// The statements of a transaction as messages of their own: the server holds back its answers until the end of a
    /// message, so that it wouldn't be known which one is under way. Nothing where they have to stay together: behind
    /// COMMIT they would be transactions of their own, and what follows a COPY would be taken for its data.
    pub(super) fn each(&self, piece: &Piece) -> Vec<Piece> {
        let is_text = matches!(piece.body, Body::Text(_));
        let is_several = (2..=MOST_MESSAGES).contains(&piece.places.len());
        if !is_text || !is_several || !piece.in_transaction || !piece.copies.is_empty() {
            return Vec::new();
        }
        if sql::may_read_data(piece.text()) || sql::has_transaction_control(piece.text()) {
            return Vec::new();
        }
        piece.places.clone().map(|place| self.piece(place..place + 1, true)).collect()
    }

    fn text(&self) -> &str {
        self.body.text()
    }

    fn statement(&self, place: usize) -> &str {
        self.parts.get(place).and_then(|part| self.text().get(part.range.clone())).unwrap_or_default()
    }

    /// These statements as one piece. The whole script is sent as it is, unless a part of it is for psql.
    fn piece(&self, places: Range<usize>, in_transaction: bool) -> Piece {
        let parts = self.parts.get(places.clone()).unwrap_or_default();
        let is_whole = places == (0..self.parts.len());
        // Only asked of the whole: looking through it for each of many pieces would take long.
        let is_plain = || parts.iter().all(|part| part.data.is_none()) && !self.text().contains("restrict");
        if matches!(self.body, Body::Query(_)) || (is_whole && is_plain()) {
            let (body, copies, cuts) = (self.body.clone(), Vec::new(), Vec::new());
            return Piece { body, in_transaction, copies, cuts, places, is_alone: false };
        }
        let characters = |range: Range<usize>| self.text().get(range).map_or(0, |text| text.chars().count());
        let (mut text, mut sent, mut behind) = (String::new(), 0, 0);
        let (mut cuts, mut copies) = (Vec::new(), Vec::new());
        for part in parts {
            let gap = characters(behind..part.range.start);
            let separator = usize::from(!text.is_empty());
            if separator == 1 {
                text.push(';');
            }
            sent += separator;
            cuts.push(Cut { at: sent, length: gap.saturating_sub(separator) });
            text.push_str(self.text().get(part.range.clone()).unwrap_or_default());
            sent += characters(part.range.clone());
            behind = part.range.end;
            copies.extend(part.data.clone().and_then(|data| self.text().get(data)).map(Arc::from));
        }
        cuts.retain(|cut| cut.length > 0);
        Piece { body: Body::Text(text.into()), in_transaction, copies, cuts, places, is_alone: false }
    }

    /// As much as can be in one transaction is; what can't is by itself, and so are transactions of the script's own.
    fn groups(&self) -> VecDeque<Piece> {
        let mut pieces = VecDeque::new();
        let mut begin = 0;
        let mut values: Vec<sql::EnumValue> = Vec::new();
        let mut created = Vec::new();
        let mut place = 0;
        while place < self.parts.len() {
            let statement = self.statement(place);
            let length = self.length_of_own(place);
            let uses_value = values.iter().any(|added| added.is_used_by(statement));
            if (length > 0 || uses_value) && begin < place {
                pieces.push_back(self.piece(begin..place, true));
                begin = place;
            }
            if length > 0 || uses_value {
                values.clear();
                created.clear();
            }
            if length > 0 {
                pieces.push_back(self.piece(place..place + length, false));
                begin = place + length;
            }
            created.extend(sql::created_enum(statement));
            values.extend(sql::added_enum_value(statement).filter(|added| !created.contains(&added.of)));
            place += length.max(1);
        }
        if begin < self.parts.len() || pieces.is_empty() {
            pieces.push_back(self.piece(begin..self.parts.len(), true));
        }
        pieces
    }

    /// How many statements from this place on have to be sent as they are: one that no transaction takes, or a
    /// transaction of the script's own; 0 where there is neither.
    fn length_of_own(&self, place: usize) -> usize {
        let statement = self.statement(place);
        if sql::outside_transaction(statement).is_some() {
            return 1;
        }
        if !sql::has_transaction_control(statement) {
            return 0;
        }
        if !starts_with(statement, &["begin", "start"]) {
            return 1;
        }
        let rest = place + 1..self.parts.len();
        let end = rest.clone().find(|place| sql::has_transaction_control(self.statement(*place)));
        end.map_or(self.parts.len(), |end| end + 1) - place
    }

    /// Replaces a piece that the server has refused as a transaction by pieces that it may take: only it knows that a
    /// procedure commits, that a table has partitions, or which functions use a new enum value. Nothing of the piece is
    /// applied.
    pub(super) fn split(&self, piece: &Piece, error: &Error) -> Option<Vec<Piece>> {
        let failed = error.steps.iter().position(|step| step.state == StepState::Failed)?;
        let at = piece.places.start + failed;
        if !piece.in_transaction || piece.places.is_empty() {
            return None;
        }
        let (before, alone, after) = match error.code.as_deref()? {
            // In a transaction block; no transaction ends in one.
            "25001" | "2D000" => (piece.places.start..at, at..at + 1, at + 1..piece.places.end),
            // Of a value that is not committed yet.
            "55P04" if at > piece.places.start => (piece.places.start..at, at..at, at..piece.places.end),
            _ => return None,
        };
        let parts = [(before, true), (alone, false), (after, true)];
        let parts = parts.into_iter().filter(|(places, _)| !places.is_empty());
        let part = |(places, in_transaction): (Range<usize>, bool)| Piece {
            is_alone: !in_transaction,
            ..self.piece(places, in_transaction)
        };
        Some(parts.map(part).collect())
    }
}

/// Whether the first word of a statement is one of these.
pub(super) fn starts_with(statement: &str, words: &[&str]) -> bool {
    let first = statement.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
    words.iter().any(|word| first.eq_ignore_ascii_case(word))
}

/// The parts that a script is run in, each with whether it is a transaction, and with its statements.
pub fn pieces(script: &str, mode: Mode) -> Vec<(String, bool, Vec<String>)> {
    let plan = Plan::of(&Body::Text(script.into()), mode);
    let statements = plan.statements();
    let told = |piece: &Piece| {
        let own = statements.get(piece.places.clone()).unwrap_or_default();
        (piece.text().to_owned(), piece.in_transaction, own.to_vec())
    };
    plan.pieces.iter().map(told).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{ErrorKind, Step};

    fn plan(script: &str, mode: Mode) -> Plan {
        Plan::of(&Body::Text(script.into()), mode)
    }

    /// Texts of the pieces, with `*` before those that are a transaction.
    fn shown(pieces: impl IntoIterator<Item = Piece>) -> Vec<String> {
        let star = |piece: &Piece| if piece.in_transaction { "*" } else { "" };
        pieces.into_iter().map(|piece| format!("{}{}", star(&piece), piece.text())).collect()
    }

    #[test]
    fn what_can_be_in_one_transaction_is_and_the_rest_is_by_itself() {
        let script = "CREATE TABLE a (); CREATE TABLE b (); VACUUM a; -- why\n CREATE INDEX CONCURRENTLY i ON a (x); DROP TABLE b";
        assert_eq!(
            shown(plan(script, Mode::Auto).pieces),
            [
                "*CREATE TABLE a ();CREATE TABLE b ()",
                "VACUUM a",
                "CREATE INDEX CONCURRENTLY i ON a (x)",
                "*DROP TABLE b"
            ]
        );
        assert_eq!(shown(plan("CREATE TABLE a (); ", Mode::Auto).pieces), ["*CREATE TABLE a (); "]);
        assert_eq!(shown(plan("", Mode::Auto).pieces), ["*"]);
    }

    #[test]
    fn an_enum_value_is_committed_before_its_use_and_not_before() {
        let script = "ALTER TYPE m ADD VALUE 'x'; ALTER TYPE m ADD VALUE 'y'; SELECT 1; INSERT INTO t VALUES ('y')";
        assert_eq!(
            shown(plan(script, Mode::Auto).pieces),
            ["*ALTER TYPE m ADD VALUE 'x';ALTER TYPE m ADD VALUE 'y';SELECT 1", "*INSERT INTO t VALUES ('y')"]
        );
        for other in ["ALTER TABLE t ADD COLUMN x int", "ALTER TYPE m ADD VALUE 'y' AFTER 'x'", "SELECT 'x-ray'"] {
            let script = format!("ALTER TYPE m ADD VALUE 'x'; {other}");
            assert_eq!(plan(&script, Mode::Auto).pieces.len(), 1, "{script}");
        }
        let script = "CREATE TYPE m AS ENUM (); ALTER TYPE m ADD VALUE 'x'; INSERT INTO t VALUES ('x')";
        assert_eq!(plan(script, Mode::Auto).pieces.len(), 1);
    }

    #[test]
    fn a_transaction_of_the_scripts_own_stays_one() {
        let script = "SELECT 1; BEGIN; SELECT 2; ROLLBACK; SELECT 3";
        assert_eq!(shown(plan(script, Mode::Auto).pieces), ["*SELECT 1", "BEGIN;SELECT 2;ROLLBACK", "*SELECT 3"]);
    }

    #[test]
    fn copy_data_is_no_part_of_the_text_and_places_stay_those_of_the_script() {
        let script = "\\restrict x\nCREATE TABLE t ();\nCOPY t FROM STDIN;\n1\nä\n\\.\nSELECT nonsense";
        let piece = plan(script, Mode::Transaction).pieces.pop_front().unwrap();
        assert_eq!(piece.text(), "CREATE TABLE t ();COPY t FROM STDIN;SELECT nonsense");
        assert_eq!(piece.copies, ["1\nä\n".into()]);
        let at = |text: &str, what: &str| text.find(what).map(|at| text[..at].chars().count()).unwrap();
        for what in ["CREATE", "COPY", "nonsense"] {
            let sent = at(piece.text(), what);
            let left_out: usize = piece.cuts.iter().filter(|cut| cut.at < sent + 1).map(|cut| cut.length).sum();
            assert_eq!(sent + left_out, at(script, what), "{what}");
        }
    }

    #[test]
    fn what_only_the_server_knows_splits_a_piece_at_what_it_has_refused() {
        let plan = plan("SELECT 1; CALL p(); SELECT 2", Mode::Auto);
        let step = |state| Step { statement: String::new(), state };
        let error = |code: &str| {
            let steps = vec![step(StepState::NotRun), step(StepState::Failed), step(StepState::NotRun)];
            Error::new(ErrorKind::Server, "no").with_code(code).with_outcome(Outcome::NotApplied, steps)
        };
        let piece = &plan.pieces[0];
        assert_eq!(shown(plan.split(piece, &error("2D000")).unwrap()), ["*SELECT 1", "CALL p()", "*SELECT 2"]);
        assert_eq!(shown(plan.split(piece, &error("55P04")).unwrap()), ["*SELECT 1", "*CALL p();SELECT 2"]);
        assert!(plan.split(piece, &error("42601")).is_none());
    }
}
