// The VS Code extension: starts `bamlvm lsp`, and runs what its code lenses ask for in a terminal.
//
// A lens names a command and its words (`bamlvm.run`, `bamlvm.test`, `bamlvm.preview`); the extension knows how to run
// bamlvm, and nothing of the language.

const vscode = require("vscode");
const { LanguageClient, State } = require("vscode-languageclient/node");

/** @type {LanguageClient | undefined} */
let client;

/** @param {vscode.ExtensionContext} context */
async function activate(context) {
  context.subscriptions.push(
    vscode.commands.registerCommand("bamlvm.restart", restart),
    vscode.workspace.onDidChangeConfiguration((change) => {
      if (change.affectsConfiguration("bamlvm.command")) void restart();
    }),
  );
  await start();
}

async function deactivate() {
  await client?.stop();
}

async function restart() {
  if (client?.state === State.Running) await client.stop();
  await start();
}

async function start() {
  const [command, ...words] = bamlvm();
  const executable = { command, args: [...words, "lsp"] };
  client = new LanguageClient(
    "bamlvm",
    "BAML (bamlvm)",
    { run: executable, debug: executable },
    {
      documentSelector: [{ language: "baml" }],
      synchronize: { fileEvents: vscode.workspace.createFileSystemWatcher("**/*.baml") },
      middleware: { executeCommand: (name, words, next) => runInTerminal(name, words) ?? next(name, words) },
    },
  );
  try {
    await client.start();
  } catch (error) {
    const hint = "Install it with: pip install 'bamlvm[lsp]', or set bamlvm.command.";
    const choice = await vscode.window.showErrorMessage(
      `\`${[command, ...words].join(" ")} lsp\` does not start. ${hint}`,
      "Open Settings",
    );
    if (choice) await vscode.commands.executeCommand("workbench.action.openSettings", "bamlvm.command");
  }
}

/** @returns {string[]} */
function bamlvm() {
  const words = vscode.workspace.getConfiguration("bamlvm").get("command", ["bamlvm"]);
  return words.length > 0 ? words : ["bamlvm"];
}

/**
 * Run the command of a lens in a terminal; undefined for any other command.
 *
 * @param {string} name
 * @param {any[]} words
 * @returns {Thenable<void> | undefined}
 */
function runInTerminal(name, words) {
  const made = { "bamlvm.run": "run", "bamlvm.test": "test" }[name];
  if (made === undefined) return undefined;
  const [command, ...first] = bamlvm();
  const mock = vscode.workspace.getConfiguration("bamlvm").get("mock", false) ? ["--mock"] : [];
  const terminal = vscode.window.createTerminal({
    name: `bamlvm ${made}`,
    shellPath: command,
    shellArgs: [...first, made, ...words.map(String), ...mock],
  });
  terminal.show();
  return Promise.resolve();
}

module.exports = { activate, deactivate };
