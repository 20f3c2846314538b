// What an embedder gets with `import Stint`: the nouns, the engine, and the two stores that need no server.
@_exported public import StintCore
@_exported public import StintEngine
@_exported public import StintSQLite
@_exported public import StintStore
