//! Whether a condition chooses rows, or is the same for all of them.

use rowan::WalkEvent;
use squawk_syntax::ast::{AstNode, BinExpr, BinOp, Expr, NameRef, PrefixExpr, Type, WhereClauseOrCurrentOf};
use squawk_syntax::{SyntaxKind, SyntaxNode};

/// Whether this WHERE clause leaves any row out by what it holds. `WHERE true`, `1 = 1`, `id = id` and `now() >
/// 'today'` don't.
pub(super) fn chooses(clause: Option<WhereClauseOrCurrentOf>) -> bool {
    match clause {
        None => false,
        Some(WhereClauseOrCurrentOf::WhereCurrentOf(_)) => true,
        Some(WhereClauseOrCurrentOf::WhereClause(clause)) => chooses_in(clause.syntax()),
    }
}

/// The same for the condition of a `WHEN MATCHED AND …`.
pub(super) fn chooses_in(clause: &SyntaxNode) -> bool {
    inside(clause).is_some_and(|expr| depends_on_row(&expr))
}

/// Goes down the left of a chain in a loop, since a chain may be long, and down the right by recursion, as the parser
/// did.
fn depends_on_row(expr: &Expr) -> bool {
    let mut pending = vec![expr.clone()];
    // An AND depends when either side does; an OR only when both do, unless one is plainly false.
    while let Some(expr) = pending.pop() {
        let depends = match &expr {
            Expr::ParenExpr(paren) => {
                pending.extend(inside(paren.syntax()));
                continue;
            }
            Expr::PrefixExpr(prefix) if is_not(prefix) => {
                pending.extend(prefix.expr());
                continue;
            }
            Expr::BinExpr(binary) => match binary.op() {
                Some(BinOp::And(_)) => {
                    pending.extend(binary.lhs());
                    pending.extend(binary.rhs());
                    continue;
                }
                Some(BinOp::Or(_)) => {
                    if every_alternative_depends(binary) {
                        return true;
                    }
                    continue;
                }
                _ => !is_of_equals(binary) && names_column(expr.syntax()),
            },
            _ => names_column(expr.syntax()),
        };
        if depends {
            return true;
        }
    }
    false
}

fn every_alternative_depends(binary: &BinExpr) -> bool {
    let mut alternatives = Vec::new();
    let mut left = Some(Expr::BinExpr(binary.clone()));
    while let Some(expr) = left.take() {
        match &expr {
            Expr::BinExpr(binary) if matches!(binary.op(), Some(BinOp::Or(_))) => {
                alternatives.extend(binary.rhs());
                left = binary.lhs();
            }
            _ => alternatives.push(expr),
        }
    }
    alternatives.retain(|expr| !expr.syntax().text().to_string().trim().eq_ignore_ascii_case("false"));
    alternatives.iter().all(depends_on_row)
}

/// The expression in parentheses or in a clause.
fn inside(around: &SyntaxNode) -> Option<Expr> {
    around.children().find_map(Expr::cast)
}

fn is_not(prefix: &PrefixExpr) -> bool {
    prefix.syntax().first_token().is_some_and(|token| token.kind() == SyntaxKind::NOT_KW)
}

/// Both sides are written the same.
fn is_of_equals(binary: &BinExpr) -> bool {
    match (binary.lhs(), binary.rhs()) {
        (Some(lhs), Some(rhs)) => lhs.syntax().text() == rhs.syntax().text(),
        _ => false,
    }
}

/// Anything that differs from row to row: a column, or a table that is looked at. What is called isn't one, nor is a
/// type.
fn names_column(node: &SyntaxNode) -> bool {
    let mut walk = node.preorder();
    while let Some(event) = walk.next() {
        let WalkEvent::Enter(node) = event else { continue };
        match node.kind() {
            SyntaxKind::FROM_CLAUSE => return true,
            kind if Type::can_cast(kind) => walk.skip_subtree(),
            _ if NameRef::cast(node.clone()).is_some_and(|name| is_column(name.syntax())) => return true,
            _ => {}
        }
    }
    false
}

fn is_column(name: &SyntaxNode) -> bool {
    let is_keyword = name.first_token().is_some_and(|token| is_value_function(token.kind()));
    let is_called = name.parent().is_some_and(|parent| match parent.kind() {
        SyntaxKind::CALL_EXPR => true,
        SyntaxKind::FIELD_EXPR => parent.parent().is_some_and(|parent| parent.kind() == SyntaxKind::CALL_EXPR),
        _ => false,
    });
    !is_keyword && !is_called
}

/// What looks like a name and is the same for every row, such as `current_user`.
fn is_value_function(kind: SyntaxKind) -> bool {
    use SyntaxKind::*;
    matches!(
        kind,
        CURRENT_CATALOG_KW
            | CURRENT_DATE_KW
            | CURRENT_ROLE_KW
            | CURRENT_SCHEMA_KW
            | CURRENT_TIME_KW
            | CURRENT_TIMESTAMP_KW
            | CURRENT_USER_KW
            | LOCALTIME_KW
            | LOCALTIMESTAMP_KW
            | SESSION_USER_KW
            | SYSTEM_USER_KW
            | USER_KW
    )
}
