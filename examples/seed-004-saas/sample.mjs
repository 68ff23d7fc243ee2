// Get a token with fetch. The three placeholders are filled in by request.sh.
const basic = Buffer.from("Your-Client-ID" + ":" + "Your-Client-Secret").toString("base64");
const answer = await fetch("auth_url", {
  method: "POST",
  headers: { Authorization: `Basic ${basic}` },
  body: new URLSearchParams({ grant_type: "client_credentials", scope: "api/write" }),
});
if (!answer.ok) throw new Error(`no token: ${answer.status}`);
console.log("Access Token:", (await answer.json()).access_token);
