//! The one place of the analysis that calls squawk's parser.
//!
//! The tree is built here and not by `SourceFile::parse`, for three reasons: that interns nodes, which takes a time
//! that grows with the square of a chain of operators; its errors can only be had with a validation that also parses
//! the bodies of functions, however deep they are; and trees are dropped by recursion.

use rowan::{GreenNode, GreenToken, NodeOrToken, SyntaxKind as RawKind};
use squawk_lexer::TokenKind;
use squawk_parser::{EntryPoint, LexedStr, StrStep};
use squawk_syntax::ast::{AstNode, Stmt};
use squawk_syntax::{SyntaxElement, SyntaxKind, SyntaxNode};

use crate::error::contained;
use crate::sql::token::Tokens;

/// A longer text can't be told by the parser's positions.
const LONGEST: usize = u32::MAX as usize;

type Element = NodeOrToken<GreenNode, GreenToken>;

/// A tree of no more levels is dropped as it is, by recursion, on any stack.
const DROPPED_AS_IT_IS: usize = 200;

/// A statement's syntax.
#[derive(Debug, Clone)]
pub struct Syntax {
    node: SyntaxNode,
    /// Dropped behind the node.
    _tree: Tree,
}

impl Syntax {
    /// The statement itself. No clone of it, or of a node in it, may be kept longer than this.
    pub fn node(&self) -> &SyntaxNode {
        &self.node
    }
}

/// What PostgreSQL takes and squawk doesn't, and the same in as many bytes in words that both take.
const RESPELLED: [(&str, &str, &str); 2] = [("set", "names", "x TO "), ("create", "trusted", "       ")];

/// The text as squawk takes it; none if it isn't among these.
fn respelled(text: &str) -> Option<String> {
    let mut words = Tokens::new(text);
    let first = words.next()?;
    let words = words.take(3).filter(|word| word.kind == TokenKind::Ident);
    let found = words.take_while(|word| !word.is("to")).find_map(|word| {
        let is_meant = |(head, odd, _): &&(&str, &str, &str)| first.is(head) && word.is(odd);
        RESPELLED.iter().find(is_meant).map(|(_, _, plain)| (word, plain))
    });
    let (word, plain) = found?;
    let mut text = text.to_owned();
    text.replace_range(word.start..word.end(), plain);
    Some(text)
}

/// Calls squawk's parser, and keeps the tokens that come again and again.
#[derive(Default)]
pub(super) struct Parser {
    tokens: TokenCache,
}

impl Parser {
    /// The syntax of a text that is one statement; none if the parser finds anything wrong, or more than one.
    pub(super) fn parse(&mut self, text: &str) -> Option<Syntax> {
        if text.len() >= LONGEST {
            return None;
        }
        let tree = match self.built(text) {
            Some(tree) => tree,
            None => self.built(&respelled(text)?)?,
        };
        // Whatever refers to the tree goes before it does.
        let node = only_statement(&tree);
        node.map(|node| Syntax { node, _tree: tree })
    }

    /// The parser asserts that it moves on, and more; a text that makes it panic is one that it doesn't understand.
    fn built(&mut self, text: &str) -> Option<Tree> {
        contained(|| build(text, &mut self.tokens))?
    }
}

fn only_statement(tree: &Tree) -> Option<SyntaxNode> {
    let mut statements = SyntaxNode::new_root(tree.root.clone()).children();
    let node = statements.next()?;
    (statements.next().is_none() && Stmt::can_cast(node.kind())).then_some(node)
}

/// A tree of which this is the last owner to go.
#[derive(Debug, Clone)]
struct Tree {
    root: GreenNode,
    is_deep: bool,
}

impl Drop for Tree {
    fn drop(&mut self) {
        if !self.is_deep {
            return;
        }
        // Each node goes only while something else still holds its children.
        let mut nodes = vec![self.root.clone()];
        self.root = GreenNode::new(RawKind(SyntaxKind::SOURCE_FILE.into()), []);
        while let Some(node) = nodes.pop() {
            nodes.extend(node.children().filter_map(|child| child.into_node()).map(|child| child.to_owned()));
        }
    }
}

/// The first child of this kind.
pub(in crate::sql) fn child(node: &SyntaxNode, kind: SyntaxKind) -> Option<SyntaxNode> {
    node.children().find(|child| child.kind() == kind)
}

/// Whether a token of this kind stands in the node itself.
pub(super) fn has_token(node: &SyntaxNode, kind: SyntaxKind) -> bool {
    node.children_with_tokens().filter_map(SyntaxElement::into_token).any(|token| token.kind() == kind)
}

fn build(text: &str, tokens: &mut TokenCache) -> Option<Tree> {
    let lexed = LexedStr::new(text);
    let mut is_sound = lexed.errors().next().is_none();
    let output = EntryPoint::SourceFile.parse(&lexed.to_input());
    // The nodes that are open, each with the place of its first child.
    let mut open: Vec<(SyntaxKind, usize)> = Vec::new();
    let mut children: Vec<Element> = Vec::new();
    let mut depth = 0;
    lexed.intersperse_trivia(&output, &mut |step| match step {
        StrStep::Enter { kind } => {
            open.push((kind, children.len()));
            depth = depth.max(open.len());
        }
        StrStep::Token { kind, text } => children.push(NodeOrToken::Token(tokens.get(RawKind(kind.into()), text))),
        StrStep::Exit => {
            if let Some((kind, first)) = open.pop() {
                let node = GreenNode::new(RawKind(kind.into()), children.drain(first..));
                children.push(NodeOrToken::Node(node));
            }
        }
        StrStep::Error { .. } => is_sound = false,
    });
    let root = children.pop().and_then(NodeOrToken::into_node)?;
    let tree = Tree { root, is_deep: depth > DROPPED_AS_IT_IS };
    is_sound.then_some(tree)
}

/// Short tokens by their hash; a new one takes the place of another with the same.
#[derive(Default)]
struct TokenCache {
    places: Vec<Option<GreenToken>>,
}

impl TokenCache {
    const PLACES: usize = 1024;
    /// In bytes.
    const LONGEST: usize = 24;

    fn get(&mut self, kind: RawKind, text: &str) -> GreenToken {
        if text.len() > Self::LONGEST {
            return GreenToken::new(kind, text);
        }
        self.places.resize(Self::PLACES, None);
        // FNV-1a.
        let start = 0xcbf2_9ce4_8422_2325 ^ u64::from(kind.0);
        let mixed = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        let hash = text.bytes().fold(start, mixed);
        let Some(place) = self.places.get_mut((hash >> 7) as usize % Self::PLACES) else {
            return GreenToken::new(kind, text);
        };
        match place {
            Some(token) if token.kind() == kind && token.text() == text => token.clone(),
            _ => place.insert(GreenToken::new(kind, text)).clone(),
        }
    }
}
