//! The typed arrays by which batches cross, and what JavaScript has been told of their shapes.

use crate::rows::{
    Batch,
    batch::{FULL_FLOATS, FULL_INTS},
};

/// Ints in the environment's array.
pub(super) const INTS: usize = FULL_INTS * 2;
/// Floats in the environment's array.
pub(super) const FLOATS: usize = FULL_FLOATS * 2;

/// JavaScript's typed arrays, and what it has been told.
pub(super) struct Arrays {
    ints: *mut i32,
    floats: *mut f64,
    /// Counts how often JavaScript was told to forget its shapes.
    pub generation: u32,
    /// Shapes that were sent to it since then.
    pub told: usize,
    /// Columns of the shapes that were sent to it since then.
    pub columns: usize,
}

// SAFETY: the pointers are only followed on the environment's thread, in `copy`.
unsafe impl Send for Arrays {}

/// JavaScript forgets all shapes after this many, so that its table stays bounded as Rust's does.
pub(super) const SHAPES: usize = 1024;
/// As [`SHAPES`], for their columns together; a result has at most 1664 of them, unless the server makes them up.
pub(super) const COLUMNS: usize = 16 * 1024;

impl Arrays {
    /// Typed arrays of at least [`INTS`] and [`FLOATS`] elements, which the caller keeps alive with the environment.
    pub(super) fn new(ints: *mut i32, floats: *mut f64) -> Self {
        Arrays { ints, floats, generation: 1, told: 0, columns: 0 }
    }

    /// Copies the flat arrays of a batch; false, and nothing is copied, when it doesn't fit. Called on the JavaScript
    /// thread.
    pub(super) fn copy(&self, batch: &Batch) -> bool {
        let (ints, floats) = (batch.ints.len(), batch.floats.len());
        if ints + batch.leaf_ints.len() > INTS || floats + batch.leaf_floats.len() > FLOATS {
            return false;
        }
        // SAFETY: the array has `INTS` elements, more than are copied, and nothing else touches it meanwhile:
        // JavaScript runs on this thread.
        unsafe { std::ptr::copy_nonoverlapping(batch.ints.as_ptr(), self.ints, ints) };
        // SAFETY: likewise for `FLOATS`.
        unsafe { std::ptr::copy_nonoverlapping(batch.floats.as_ptr(), self.floats, floats) };
        let leaves = batch.leaf_ints.len();
        // SAFETY: behind the ints there is room for the leaves, as was checked above.
        unsafe { std::ptr::copy_nonoverlapping(batch.leaf_ints.as_ptr(), self.ints.add(ints), leaves) };
        let leaves = batch.leaf_floats.len();
        // SAFETY: likewise.
        unsafe { std::ptr::copy_nonoverlapping(batch.leaf_floats.as_ptr(), self.floats.add(floats), leaves) };
        true
    }
}
