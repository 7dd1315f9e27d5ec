//! Plain loops compiled for wide registers.

/// Calls `work` compiled for AVX2 where the processor has it, so that its plain loops use wide
/// registers. Rust never contracts or reorders float operations: the results are the same.
#[inline(always)]
pub(crate) fn wide<R>(work: impl FnOnce() -> R) -> R {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx2")]
        unsafe fn with_avx2<R>(work: impl FnOnce() -> R) -> R {
            work()
        }
        if is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has AVX2.
            return unsafe { with_avx2(work) };
        }
    }
    work()
}

/// Makes a function of this signature that calls `plain`, an `#[inline(always)]` function of plain loops with the same arguments,
/// compiled for the widest registers of the processor: AVX-512, AVX2 or what every processor has. As with [`wide`] the results are
/// the same. It takes no closure: one that is called three times the compiler may not inline.
macro_rules! widest {
    (
        $(#[$docs:meta])*
        $vis:vis unsafe fn $name:ident($($argument:ident: $kind:ty),* $(,)?) = $plain:path;
    ) => {
        $(#[$docs])*
        $vis unsafe fn $name($($argument: $kind),*) {
            // apart, or every call would save the registers that its loops need
            #[inline(never)]
            unsafe fn with_any($($argument: $kind),*) {
                // SAFETY: as promised by the caller.
                unsafe { $plain($($argument),*) }
            }
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f")]
                unsafe fn with_avx512($($argument: $kind),*) {
                    // SAFETY: as promised by the caller.
                    unsafe { $plain($($argument),*) }
                }
                #[target_feature(enable = "avx2")]
                unsafe fn with_avx2($($argument: $kind),*) {
                    // SAFETY: as promised by the caller.
                    unsafe { $plain($($argument),*) }
                }
                if is_x86_feature_detected!("avx512f") {
                    // SAFETY: as promised by the caller, and the processor has AVX-512F.
                    return unsafe { with_avx512($($argument),*) };
                }
                if is_x86_feature_detected!("avx2") {
                    // SAFETY: as promised by the caller, and the processor has AVX2.
                    return unsafe { with_avx2($($argument),*) };
                }
            }
            // SAFETY: as promised by the caller.
            unsafe { with_any($($argument),*) }
        }
    };
}
pub(crate) use widest;
