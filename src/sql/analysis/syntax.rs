//! The one place that calls squawk's parser.
//!
//! The tree is built here and not by `SourceFile::parse`, for three reasons: that interns nodes, which takes a time
//! that grows with the square of a chain of operators; its errors can only be had with a validation that also parses
//! the bodies of functions, however deep they are; and trees are dropped by recursion.

use std::panic::{AssertUnwindSafe, catch_unwind};

use rowan::{GreenNode, GreenToken, NodeOrToken, SyntaxKind as RawKind};
use squawk_parser::{EntryPoint, LexedStr, StrStep};
use squawk_syntax::ast::{AstNode, Stmt};
use squawk_syntax::{SyntaxElement, SyntaxKind, SyntaxNode};

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

/// The syntax of a text that is one statement; none if the parser finds anything wrong, or more than one.
pub(super) fn parse(text: &str) -> Option<Syntax> {
    if text.len() >= LONGEST {
        return None;
    }
    // The parser asserts that it moves on, and more; such a text is one that it doesn't understand.
    let tree = catch_unwind(AssertUnwindSafe(|| build(text))).ok()??;
    let root = SyntaxNode::new_root(tree.root.clone());
    let mut statements = root.children();
    let node = statements.next()?;
    let is_alone = statements.next().is_none() && Stmt::can_cast(node.kind());
    is_alone.then_some(Syntax { node, _tree: tree })
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

/// Whether a token of this kind stands in the node itself.
pub(super) fn has_token(node: &SyntaxNode, kind: SyntaxKind) -> bool {
    node.children_with_tokens().filter_map(SyntaxElement::into_token).any(|token| token.kind() == kind)
}

fn build(text: &str) -> Option<Tree> {
    let lexed = LexedStr::new(text);
    let mut is_sound = lexed.errors().next().is_none();
    let output = EntryPoint::SourceFile.parse(&lexed.to_input());
    let mut open: Vec<(SyntaxKind, Vec<Element>)> = Vec::new();
    let mut root = None;
    let mut depth = 0;
    lexed.intersperse_trivia(&output, &mut |step| match step {
        StrStep::Enter { kind } => {
            open.push((kind, Vec::new()));
            depth = depth.max(open.len());
        }
        StrStep::Token { kind, text } => {
            if let Some((_, children)) = open.last_mut() {
                children.push(NodeOrToken::Token(GreenToken::new(RawKind(kind.into()), text)));
            }
        }
        StrStep::Exit => {
            if let Some((kind, children)) = open.pop() {
                let node = GreenNode::new(RawKind(kind.into()), children);
                match open.last_mut() {
                    Some((_, siblings)) => siblings.push(NodeOrToken::Node(node)),
                    None => root = Some(node),
                }
            }
        }
        StrStep::Error { .. } => is_sound = false,
    });
    let tree = root.map(|root| Tree { root, is_deep: depth > DROPPED_AS_IT_IS });
    tree.filter(|_| is_sound)
}
