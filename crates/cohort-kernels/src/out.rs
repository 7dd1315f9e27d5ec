//! A buffer that several tasks fill.

/// A buffer that several threads write, each at places of its own.
#[derive(Clone, Copy)]
pub(crate) struct Out(pub(crate) *mut f32);

impl Out {
    /// The place at `index`.
    ///
    /// # Safety
    /// The buffer holds it.
    pub(crate) unsafe fn at(self, index: usize) -> *mut f32 {
        // SAFETY: as promised by the caller.
        unsafe { self.0.add(index) }
    }
}

// SAFETY: whoever writes through it says why no two tasks touch the same place.
unsafe impl Send for Out {}
// SAFETY: as above.
unsafe impl Sync for Out {}
