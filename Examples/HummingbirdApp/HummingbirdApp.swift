// A web server with background jobs. Run it: `swift run HummingbirdApp`, then
//   curl -d '{"name": "Ada"}' http://127.0.0.1:8081/greetings
//   curl http://127.0.0.1:8081/greetings/ID
import Hummingbird
import Stint

struct Greet: JobHandler {
  static let jobType = "greet"
  var name: String

  func run(_ context: JobContext) async throws -> String {
    context.progress(50, "thinking of something nice")
    return "Hello, \(name)!"
  }
}

@main
struct HummingbirdApp {
  static func main() async throws {
    let port = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 8081
    let stint = try await Stint(.sqlite("greetings.db"), Greet.self)
    let router = Router()
    router.post("greetings") { request, context in
      try await stint.submit(request.decode(as: Greet.self, context: context)).id.text
    }
    router.get("greetings/:id") { _, context in
      guard let id = JobID(try context.parameters.require("id")) else { throw HTTPError(.badRequest) }
      return try await JobHandle<Greet>(id: id, client: stint.client).result()
    }
    let app = Application(
      router: router, configuration: .init(address: .hostname("127.0.0.1", port: port)), services: [stint])
    try await app.runService()
  }
}
