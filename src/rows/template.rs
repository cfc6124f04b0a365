//! Templates of JSON documents: what documents with the same keys have in common.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// A document without its leaves.
#[derive(Debug)]
pub struct Template {
    /// Its number, never used twice in a table.
    pub id: i32,
    /// The document with `#` for each number, `$` for each string and `?` for each boolean.
    pub skeleton: String,
    /// It was sent to JavaScript.
    pub told: AtomicBool,
}

/// The templates of an environment.
#[derive(Debug, Default)]
pub struct TemplateTable {
    entries: Mutex<HashMap<Box<[u8]>, Entry>>,
    off: AtomicBool,
}

#[derive(Debug)]
enum Entry {
    /// Seen this often.
    Candidate(u32),
    Known(Arc<Template>),
}

/// Documents of a shape before it becomes a template: compiling costs as much as parsing some hundred documents.
const WORTH_COMPILING: u32 = 16;
/// Shapes that are watched; a program with more has documents that differ, which templates do not help.
const MOST_SHAPES: usize = 256;
impl TemplateTable {
    /// Never uses templates, for an environment that must not generate code.
    pub fn switch_off(&self) {
        self.off.store(true, Ordering::Relaxed);
    }

    /// Whether templates are used at all.
    pub(super) fn is_off(&self) -> bool {
        self.off.load(Ordering::Relaxed)
    }

    /// The template of a document with this skeleton, once that has come up often enough.
    pub(super) fn find(&self, skeleton: &[u8]) -> Option<Arc<Template>> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let count = entries.len();
        match entries.get_mut(skeleton) {
            Some(Entry::Known(template)) => return Some(template.clone()),
            Some(Entry::Candidate(seen)) => {
                *seen += 1;
                if *seen < WORTH_COMPILING {
                    return None;
                }
            }
            None => {
                if count < MOST_SHAPES {
                    entries.insert(skeleton.into(), Entry::Candidate(1));
                }
                return None;
            }
        }
        let known = entries.values().filter(|entry| matches!(entry, Entry::Known(_))).count();
        let id = i32::try_from(known).ok()?;
        let skeleton_text = String::from_utf8(skeleton.to_vec()).ok()?;
        let template = Arc::new(Template { id, skeleton: skeleton_text, told: AtomicBool::new(false) });
        entries.insert(skeleton.into(), Entry::Known(template.clone()));
        Some(template)
    }
}
