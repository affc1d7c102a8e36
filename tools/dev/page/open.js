// The document that answers the file which `bamlvm dev` started the browser with (tools/dev/opening.py): it keeps the
// token for this tab, and gives its place in the tab's history to the page.

import { keepToken } from "./api.js";

keepToken(document.querySelector('meta[name="token"]').content);
location.replace("/");
