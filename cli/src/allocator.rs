//! The allocator of the program.

use libmimalloc_sys::{mi_option_set, mi_option_t};

/// A tenth of a build's time goes into small allocations on two threads; this halves it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// `mi_option_purge_delay`, which the bindings have no name for.
const PURGE_DELAY: mi_option_t = 15;

/// How long freed memory is kept from the system, in milliseconds. After a second, the default, a build of 1,000 packs
/// takes a third more memory; after none, a twentieth more time.
const DELAY_MS: std::ffi::c_long = 10;

/// Has memory that was freed given back to the system after a moment.
pub(crate) fn return_memory_soon() {
    // SAFETY: the function stores a number in a table; one that does not know the option leaves it.
    #[expect(unsafe_code, reason = "there is no other way to set it from inside")]
    unsafe {
        mi_option_set(PURGE_DELAY, DELAY_MS);
    }
}
