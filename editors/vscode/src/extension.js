// The VS Code extension: starts `bamlvm lsp`, and does what its code lenses ask for.
//
// A lens names a command (`bamlvm.run`, `bamlvm.test`, `bamlvm.previewPrompt`) with the program, the function and perhaps
// the test.  The first two run in a terminal, where output grows and Ctrl-C works; the server renders the prompt, which
// opens as a document.  The extension knows how to run bamlvm, and nothing of the language.

const vscode = require("vscode");
const { LanguageClient, State } = require("vscode-languageclient/node");

/** @type {LanguageClient | undefined} */
let client;

/** The last start: a client that is still starting cannot be stopped, so each waits for the one before. */
let started = Promise.resolve();

/** @param {vscode.ExtensionContext} context */
async function activate(context) {
  context.subscriptions.push(
    vscode.commands.registerCommand("bamlvm.restart", restart),
    vscode.workspace.onDidChangeConfiguration((change) => {
      if (change.affectsConfiguration("bamlvm.command")) void restart();
    }),
  );
  await restart();
}

async function deactivate() {
  await started;
  if (client?.state === State.Running) await client.stop();
}

function restart() {
  started = started.then(async () => {
    if (client?.state === State.Running) await client.stop();
    await start();
  });
  return started;
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
      middleware: { executeCommand: execute },
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
 * Execute the command of a lens; any other command is the server's.
 *
 * @param {string} name
 * @param {any[]} given
 * @param {(name: string, given: any[]) => vscode.ProviderResult<any>} next
 */
async function execute(name, given, next) {
  const { program, function: called, test } = given[0] ?? {};
  if (name === "bamlvm.run") return runInTerminal("run", program, called);
  if (name === "bamlvm.test") return runInTerminal("test", program, "-i", `${called}::${test ?? "*"}`);
  const answer = await next(name, given);
  if (name === "bamlvm.previewPrompt") await showPrompt(called, answer);
  return answer;
}

/** @param {string[]} words */
function runInTerminal(...words) {
  const [command, ...first] = bamlvm();
  const mock = vscode.workspace.getConfiguration("bamlvm").get("mock", false) ? ["--mock"] : [];
  vscode.window.createTerminal({ name: `bamlvm ${words[0]}`, shellPath: command, shellArgs: [...first, ...words, ...mock] }).show();
}

/**
 * @param {string} called
 * @param {{ messages?: { role: string, text: string }[], error?: string } | undefined} answer
 */
async function showPrompt(called, answer) {
  if (answer?.messages === undefined) {
    await vscode.window.showErrorMessage(answer?.error ?? `The prompt of ${called} cannot be shown.`);
    return;
  }
  const content = answer.messages.map(({ role, text }) => `## ${role}\n\n${text}\n`).join("\n");
  const document = await vscode.workspace.openTextDocument({ language: "markdown", content });
  await vscode.window.showTextDocument(document, { preview: true, viewColumn: vscode.ViewColumn.Beside });
}

module.exports = { activate, deactivate };
