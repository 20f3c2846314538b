// Holds the present state, and tells who listens that it changed. All changes go through the reducer.

export function createStore(reduce, initial) {
  let state = initial;
  const listeners = new Set();
  return {
    get state() {
      return state;
    },
    /** Reduces one event; true if the state is another one now. */
    dispatch(event) {
      const before = state;
      state = reduce(state, event);
      if (state === before) return false;
      for (const listener of listeners) listener(state, before, event);
      return true;
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
