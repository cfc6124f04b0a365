//! Taking a script apart into its statements, as the server does, and as psql does for COPY data.

use std::ops::Range;

use squawk_lexer::{BOM, TokenKind};

use super::token::{Token, Tokens, Words};

/// The line that ends data in a script, for psql and pg_dump.
const END_OF_DATA: &str = "\\.";

/// One statement of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement<'a> {
    /// From the first token to the last, without the semicolon and without comments before and after.
    pub text: &'a str,
    /// Where `text` stands in the script, in bytes.
    pub range: Range<usize>,
    /// The lines between `COPY … FROM STDIN;` and `\.`, as pg_dump writes them; without the `\.` itself.
    pub copy_data: Option<&'a str>,
}

impl<'a> Statement<'a> {
    pub(super) fn tokens(&self) -> Tokens<'a> {
        Tokens::new(self.text)
    }

    pub(super) fn words(&self) -> Words<'a> {
        Words::new(self.tokens())
    }
}

/// Takes a script apart. Empty statements, comments and a byte order mark at the head are dropped.
///
/// Any text is accepted: what isn't closed (a string, a comment, a parenthesis, the body of a function) reaches to
/// the end of the script. Strings are read as with `standard_conforming_strings` on, the server's default.
pub fn split(script: &str) -> Vec<Statement<'_>> {
    statements(script).collect()
}

/// The same as [`split`], one statement at a time.
pub fn statements(script: &str) -> Statements<'_> {
    let mut tokens = Tokens::new(script);
    if script.starts_with(BOM) {
        tokens.pass_over(BOM.len());
    }
    Statements { script, tokens, doubtful: false, may_hold_data: script.contains(END_OF_DATA) }
}

/// Made by [`statements`].
#[derive(Debug, Clone)]
pub struct Statements<'a> {
    script: &'a str,
    tokens: Tokens<'a>,
    doubtful: bool,
    may_hold_data: bool,
}

impl<'a> Statements<'a> {
    /// Whether the statements so far hold a literal that ends elsewhere with `standard_conforming_strings` off.
    pub(super) fn is_doubtful(&self) -> bool {
        self.doubtful
    }

    /// The data lines that begin on the line after the semicolon, if a `\.` ends them. Without one the text goes on
    /// as SQL, because the data then comes from elsewhere.
    fn take_copy_data(&mut self) -> Option<&'a str> {
        let rest = self.tokens.rest();
        if !self.may_hold_data {
            return None;
        }
        let rest_of_line = rest.find(|c: char| c == '\n' || !c.is_whitespace())?;
        let begin = rest_of_line + 1;
        if rest.as_bytes().get(rest_of_line) != Some(&b'\n') {
            return None;
        }
        let mut end = begin;
        for line in rest.get(begin..)?.split_inclusive('\n') {
            if line.trim_end_matches(['\r', '\n']) == END_OF_DATA {
                self.tokens.pass_over(end + line.len());
                return rest.get(begin..end);
            }
            end += line.len();
        }
        // Nor will a later COPY find one: each would search the whole rest again.
        self.may_hold_data = false;
        None
    }
}

impl<'a> Iterator for Statements<'a> {
    type Item = Statement<'a>;

    fn next(&mut self) -> Option<Statement<'a>> {
        let first = self.tokens.find(|token| token.kind != TokenKind::Semi)?;
        let mut range = first.start..first.end();
        let mut nesting = Nesting::default();
        let mut closed = false;
        let mut next = Some(first);
        while let Some(token) = next {
            if token.kind == TokenKind::Semi && nesting.is_outermost() {
                closed = true;
                break;
            }
            nesting.enter(&token);
            self.doubtful |= token.is_doubtful();
            range.end = token.end();
            next = self.tokens.next();
        }
        let copy_data = if closed && nesting.reads_stdin { self.take_copy_data() } else { None };
        Some(Statement { text: self.script.get(range.clone())?, range, copy_data })
    }
}

/// What has to be known of a statement's tokens so far to tell whether a semicolon ends it.
#[derive(Debug, Default)]
struct Nesting {
    head: Head,
    previous: Word,
    parentheses: usize,
    bodies: usize,
    reads_stdin: bool,
}

/// How far the first words have come towards a statement whose inside matters.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Head {
    #[default]
    Start,
    Create,
    CreateOr,
    CreateOrReplace,
    Routine,
    Copy,
    Other,
}

/// The token before, as far as it matters.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Word {
    Begin,
    Atomic,
    Semicolon,
    From,
    #[default]
    Other,
}

impl Nesting {
    fn is_outermost(&self) -> bool {
        self.parentheses == 0 && self.bodies == 0
    }

    fn enter(&mut self, token: &Token<'_>) {
        match token.kind {
            // A rule's actions stand in parentheses with semicolons between them.
            TokenKind::OpenParen => self.parentheses += 1,
            TokenKind::CloseParen => self.parentheses = self.parentheses.saturating_sub(1),
            _ => {}
        }
        self.head = self.head.then(token);
        if self.parentheses > 0 {
            return;
        }
        let mut word = Word::Other;
        match self.head {
            Head::Routine if token.kind == TokenKind::Semi => word = Word::Semicolon,
            Head::Routine if token.is("begin") => word = Word::Begin,
            Head::Routine if token.is("atomic") && self.previous == Word::Begin => {
                word = Word::Atomic;
                self.bodies += 1;
            }
            // Every statement of a body has its semicolon, so the END of the body follows one; the END of a CASE
            // and a column named "end" never do.
            Head::Routine if token.is("end") && matches!(self.previous, Word::Semicolon | Word::Atomic) => {
                self.bodies = self.bodies.saturating_sub(1);
            }
            Head::Copy if token.is("from") => word = Word::From,
            // PostgreSQL takes FROM STDOUT for a slip.
            Head::Copy if token.is("stdin") || token.is("stdout") => self.reads_stdin |= self.previous == Word::From,
            _ => {}
        }
        self.previous = word;
    }
}

impl Head {
    fn then(self, token: &Token<'_>) -> Head {
        match self {
            Head::Start if token.is("create") => Head::Create,
            Head::Start if token.is("copy") => Head::Copy,
            Head::Create if token.is("or") => Head::CreateOr,
            Head::CreateOr if token.is("replace") => Head::CreateOrReplace,
            Head::Create | Head::CreateOrReplace if token.is("function") || token.is("procedure") => Head::Routine,
            Head::Routine | Head::Copy => self,
            _ => Head::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(script: &str) -> Vec<&str> {
        split(script).into_iter().map(|statement| statement.text).collect()
    }

    #[test]
    fn semicolons_separate_and_nothing_of_them_or_of_comments_around_remains() {
        let script = " ;; -- first\n SELECT 1 ; /* second */ SELECT 2 -- end\n;\n\n;SELECT 3 ";
        assert_eq!(texts(script), ["SELECT 1", "SELECT 2", "SELECT 3"]);
        assert_eq!(texts(" -- nothing\n/* at all */;"), Vec::<&str>::new());
    }

    #[test]
    fn ranges_are_bytes_of_the_script() {
        let script = "/* é */ SELECT 'ü'; SELECT 2;";
        let ranges: Vec<_> = split(script).into_iter().map(|statement| statement.range).collect();
        assert_eq!(ranges, [9..20, 22..30]);
    }

    #[test]
    fn semicolons_inside_a_token_separate_nothing() {
        for script in [
            "SELECT ';'';'",
            "SELECT E'\\';'",
            "SELECT E'a'\n'\\';'",
            "SELECT U&'d\\0061;'",
            "SELECT \";\"\";\"",
            "SELECT $$;$$",
            "SELECT $a$; $b$;$b$ $$;$$ $a$",
            "SELECT $é_1$;$é_1$",
            "SELECT 1 /* ; /* ; */ ; */ + 1",
            "SELECT 1 -- ;\n + 1",
            "SELECT B'0;', X'0;', N';'",
        ] {
            assert_eq!(texts(script), [script]);
        }
    }

    #[test]
    fn dollars_inside_names_and_parameters_open_no_string() {
        assert_eq!(texts("SELECT a$$; SELECT b$$"), ["SELECT a$$", "SELECT b$$"]);
        assert_eq!(texts("SELECT $1; SELECT $2"), ["SELECT $1", "SELECT $2"]);
        assert_eq!(texts("SELECT $1$$;$$; SELECT 2"), ["SELECT $1$$;$$", "SELECT 2"]);
    }

    #[test]
    fn a_backslash_means_nothing_in_a_plain_string() {
        assert_eq!(texts("SELECT 'C:\\'; SELECT 2"), ["SELECT 'C:\\'", "SELECT 2"]);
    }

    #[test]
    fn statements_in_parentheses_belong_to_the_one_around() {
        let rule = "CREATE RULE r AS ON INSERT TO t DO ALSO (SELECT 1; SELECT 2)";
        assert_eq!(texts(&format!("{rule}; SELECT 3")), [rule, "SELECT 3"]);
    }

    #[test]
    fn the_body_of_an_sql_routine_belongs_to_it() {
        for routine in [
            "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2; END",
            "create or replace /* now */ procedure p() begin atomic; end",
            "CREATE PROCEDURE p() BEGIN ATOMIC END",
            "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE 1 WHEN 2 THEN 3 END; END",
            "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN CASE 1 WHEN 2 THEN 3 END END; END",
            "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1 AS end; SELECT 1 end; SELECT 1 AS case; END",
            "CREATE FUNCTION f(begin int, atomic int) RETURNS int BEGIN ATOMIC SELECT t.end FROM t; END",
        ] {
            assert_eq!(texts(&format!("{routine} ; SELECT 3;")), [routine, "SELECT 3"]);
        }
    }

    #[test]
    fn begin_ends_at_its_semicolon_everywhere_else() {
        assert_eq!(texts("BEGIN; SELECT 1; END"), ["BEGIN", "SELECT 1", "END"]);
        assert_eq!(texts("CREATE TABLE begin (atomic int); SELECT 1").len(), 2);
        assert_eq!(texts("CREATE FUNCTION f() RETURNS int AS 'begin' LANGUAGE sql; SELECT 1").len(), 2);
    }

    #[test]
    fn unclosed_text_reaches_to_the_end() {
        for script in ["SELECT '; SELECT 2", "SELECT \"; x", "SELECT $$; x", "SELECT (1; x", "SELECT 1 /* ; x"] {
            let expected = script.split(" /*").next().unwrap_or_default();
            assert_eq!(texts(script), [expected]);
        }
        assert_eq!(texts("SELECT 1); SELECT 2"), ["SELECT 1)", "SELECT 2"]);
    }

    #[test]
    fn inline_data_belongs_to_its_copy() {
        let script =
            "COPY t (a) FROM STDIN WITH (FORMAT text); \r\n1;\t'\n2\\.\n\\.\r\nSELECT 1;\ncopy u from stdout;\n\\.\n";
        let found: Vec<_> = split(script).into_iter().map(|statement| (statement.text, statement.copy_data)).collect();
        assert_eq!(
            found,
            [
                ("COPY t (a) FROM STDIN WITH (FORMAT text)", Some("1;\t'\n2\\.\n")),
                ("SELECT 1", None),
                ("copy u from stdout", Some("")),
            ]
        );
    }

    #[test]
    fn a_copy_without_inline_data_is_followed_by_sql() {
        for script in [
            "COPY t FROM STDIN;\nSELECT 1",
            "COPY t FROM STDIN; SELECT 1;\n\\.\n",
            "COPY t FROM 'stdin';\nSELECT 1",
            "COPY (SELECT a FROM stdin) TO STDOUT;\nSELECT 1",
            "COPY stdin FROM PROGRAM 'x';\nSELECT 1",
        ] {
            let statements = split(script);
            assert_eq!(statements[0].copy_data, None, "{script}");
            assert_eq!(statements[1].text, "SELECT 1", "{script}");
        }
    }

    #[test]
    fn a_byte_order_mark_before_the_first_statement_is_dropped() {
        assert_eq!(texts("\u{feff}SELECT 1"), ["SELECT 1"]);
    }
}
