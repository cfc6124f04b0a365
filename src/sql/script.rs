//! Taking a script apart into its statements, as the server does, and as psql does for COPY data and its own commands.

use std::ops::Range;

use memchr::{memchr, memmem};
use squawk_lexer::{BOM, TokenKind};

use super::conforming_strings;
use super::nesting::Nesting;
use super::psql::{self, MetaCommand};
use super::scan;
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
    /// The lines between `COPY … FROM STDIN;` and `\.`, as pg_dump writes them, in bytes of the script; without the
    /// `\.` itself.
    pub copy_data: Option<Range<usize>>,
}

impl<'a> Statement<'a> {
    pub(super) fn tokens(&self) -> Tokens<'a> {
        Tokens::new(self.text)
    }

    pub(super) fn words(&self) -> Words<'a> {
        Words::new(self.tokens())
    }
}

/// Takes a script apart that psql could run. Empty statements, comments, a byte order mark at the head and psql's
/// `\restrict` and `\unrestrict` are dropped.
///
/// What isn't closed (a string, a comment, a parenthesis, the body of a function) reaches to the end of the script.
/// Strings are read as with `standard_conforming_strings` on, the server's default, until the script sets it.
///
/// # Errors
/// The first command of psql's, such as `\connect`: none of them means anything to the server.
pub fn split(script: &str) -> Result<Vec<Statement<'_>>, MetaCommand> {
    let mut statements = statements(script);
    let found = statements.by_ref().collect();
    match statements.meta_command {
        None => Ok(found),
        Some(command) => Err(command),
    }
}

/// The same as [`split`], one statement at a time, and with a command of psql's as a part of the statement where it
/// stands.
pub fn statements(script: &str) -> Statements<'_> {
    let mut tokens = Tokens::new(script);
    if script.starts_with(BOM) {
        tokens.pass_over(BOM.len());
    }
    let may_hold_data = memmem::find(script.as_bytes(), END_OF_DATA.as_bytes()).is_some();
    Statements { script, tokens, doubtful: false, may_hold_data, meta_command: None }
}

/// Made by [`statements`].
#[derive(Debug, Clone)]
pub struct Statements<'a> {
    script: &'a str,
    tokens: Tokens<'a>,
    doubtful: bool,
    may_hold_data: bool,
    /// The first command of psql's in the statements so far.
    meta_command: Option<MetaCommand>,
}

impl<'a> Statements<'a> {
    /// Whether the statements so far hold a literal that ends elsewhere with `standard_conforming_strings` off.
    pub(super) fn is_doubtful(&self) -> bool {
        self.doubtful
    }

    /// The next token that a statement can begin with.
    fn first_token(&mut self) -> Option<Token<'a>> {
        loop {
            let token = self.tokens.find(|token| token.kind != TokenKind::Semi)?;
            if !psql::is_backslash(&token) || !psql::is_harmless(self.script, token.start) {
                return Some(token);
            }
            let rest = self.tokens.rest().as_bytes();
            self.tokens.pass_over(scan::line(rest));
        }
    }

    fn note(&mut self, token: &Token<'_>) {
        self.doubtful |= token.is_doubtful();
        if self.meta_command.is_none() && psql::is_backslash(token) {
            self.meta_command = Some(MetaCommand::at(self.script, token.start));
        }
    }

    /// The data lines that begin on the line after the semicolon, if a `\.` ends them. Without one the text goes on
    /// as SQL, because the data then comes from elsewhere.
    fn take_copy_data(&mut self) -> Option<Range<usize>> {
        if !self.may_hold_data {
            return None;
        }
        let begin = self.tokens.position() + end_of_blank_line(self.tokens.rest())?;
        let mut end = begin;
        while let Some(rest) = self.script.as_bytes().get(end..).filter(|rest| !rest.is_empty()) {
            let length = memchr(b'\n', rest).map_or(rest.len(), |at| at + 1);
            let line = self.script.get(end..end + length)?;
            if line.starts_with(END_OF_DATA) && line.trim_end_matches(['\r', '\n']) == END_OF_DATA {
                self.tokens.pass_over(end + length - self.tokens.position());
                return Some(begin..end);
            }
            end += length;
        }
        // Nor will a later COPY find one: each would search the whole rest again.
        self.may_hold_data = false;
        None
    }
}

/// Behind the line break, if nothing but blanks and comments comes before it.
fn end_of_blank_line(rest: &str) -> Option<usize> {
    let bytes = rest.as_bytes();
    let mut at = 0;
    loop {
        match bytes.get(at..)? {
            [b'\n', ..] => return Some(at + 1),
            [b'-', b'-', ..] => at += scan::line(bytes.get(at..)?),
            [b'/', b'*', ..] => {
                let comment = scan::block_comment(bytes.get(at..)?)?;
                // The line on which it ends is where psql reads on.
                memchr(b'\n', bytes.get(at..at + comment)?).is_none().then_some(())?;
                at += comment;
            }
            [byte, ..] if scan::is_space(*byte) => at += 1,
            _ => return None,
        }
    }
}

impl<'a> Iterator for Statements<'a> {
    type Item = Statement<'a>;

    fn next(&mut self) -> Option<Statement<'a>> {
        let first = self.first_token()?;
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
            self.note(&token);
            range.end = token.end();
            next = self.tokens.next();
        }
        let copy_data = if closed && nesting.reads_stdin { self.take_copy_data() } else { None };
        let statement = Statement { text: self.script.get(range.clone())?, range, copy_data };
        if let Some(conforming) = conforming_strings::set_by(first, statement.text) {
            self.tokens.set_backslash_escapes(!conforming);
        }
        Some(statement)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(script: &str) -> Vec<&str> {
        statements(script).map(|statement| statement.text).collect()
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
        let ranges: Vec<_> = statements(script).map(|statement| statement.range).collect();
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
        let found: Vec<_> = statements(script)
            .map(|statement| (statement.text, statement.copy_data.and_then(|data| script.get(data))))
            .collect();
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
            let statements: Vec<_> = statements(script).collect();
            assert_eq!(statements[0].copy_data, None, "{script}");
            assert_eq!(statements[1].text, "SELECT 1", "{script}");
        }
    }

    #[test]
    fn a_byte_order_mark_before_the_first_statement_is_dropped() {
        assert_eq!(texts("\u{feff}SELECT 1"), ["SELECT 1"]);
    }

    #[test]
    fn data_begins_on_the_next_line_whatever_comment_follows_the_semicolon() {
        for script in ["COPY t FROM STDIN; -- data; \n1\n\\.\nTABLE t", "COPY t FROM STDIN;/* ; */ \n1\n\\.\r\nTABLE t"]
        {
            let found = split(script).unwrap_or_default();
            assert_eq!(found[0].copy_data.clone().and_then(|data| script.get(data)), Some("1\n"), "{script}");
            assert_eq!(found[1].text, "TABLE t");
        }
    }

    #[test]
    fn commands_of_psql_are_named_where_they_stand() {
        for (script, name, start) in [
            ("\\connect other\nSELECT 1", "\\connect", 0),
            ("SELECT 1;\n  \\i 'a b.sql'", "\\i", 12),
            ("SELECT 1 \\g\n", "\\g", 9),
            ("SELECT 'é' \\gset\\gx", "\\gset", 12),
            ("SELECT 1\\;", "\\;", 8),
            ("SELECT (1; \\set a 1", "\\set", 11),
            ("TABLE t;\n\\.\n", "\\.", 9),
            ("SELECT 1 \\restrict a", "\\restrict", 9),
            ("\\", "\\", 0),
        ] {
            let found = split(script).err();
            assert_eq!(found, Some(MetaCommand { name: name.to_owned(), start }), "{script}");
        }
    }

    #[test]
    fn a_backslash_in_a_token_a_comment_or_data_is_no_command() {
        for script in ["SELECT '\\q', \"\\q\", $$\\q$$ -- \\q\n/* \\q */", "COPY t FROM STDIN;\n\\N\n\\.\n"] {
            assert_eq!(split(script).map(|found| found.len()), Ok(1), "{script}");
        }
    }

    #[test]
    fn what_pg_dump_writes_around_its_script_is_passed_over() {
        let script = "--\n\\restrict kJ; 'x\n\nSELECT 1;\n\\unrestrict kJ; 'x\r\nSELECT 2;\n\\unrestrict";
        let found = split(script).unwrap_or_default();
        assert_eq!(found.iter().map(|statement| statement.text).collect::<Vec<_>>(), ["SELECT 1", "SELECT 2"]);
    }

    #[test]
    fn backslashes_escape_once_the_script_says_so() {
        let script = r"SET standard_conforming_strings = off; SELECT 'a\'; b'; RESET ALL; SELECT '\'; SELECT 2";
        assert_eq!(
            texts(script),
            ["SET standard_conforming_strings = off", r"SELECT 'a\'; b'", "RESET ALL", r"SELECT '\'", "SELECT 2"]
        );
    }
}
