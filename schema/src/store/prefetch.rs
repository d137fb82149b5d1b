//! Asking the processor for memory before it is needed. Never changes what a program does.

/// Asks for the cache line at that address.
#[inline]
pub(crate) fn prefetch_line<T>(address: *const T) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        #[allow(unsafe_code, reason = "the intrinsic takes any address")]
        // SAFETY: a prefetch reads nothing the program sees and does not fault, whatever the address; every x86_64 has it.
        unsafe {
            _mm_prefetch::<_MM_HINT_T0>(address.cast());
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}
