-- intake/mail_files.lua - at the head of the libraries that keep mails: which files these
-- name, and who names a file (Lua 5.1, Redis 7.0).
--
-- mail:file:BLOB is a set of contacts: a file is removed with the last of them alone, since
-- what is the same in two mails is one file (base/blob.h). mail:files:CONTACT is the other way
-- round: what a contact's mails ever named, also where a list has dropped the mail since.

local function decoded(text)
  local good, value = pcall(cjson.decode, text or '')
  return good and type(value) == 'table' and value or {}
end

-- The files of a mail that came in, of one that leaves, of a draft.
local function files_of(mail)
  local files = {}
  for _, name in ipairs({'original', 'whole'}) do
    if type(mail[name]) == 'string' then files[#files + 1] = mail[name] end
  end
  for _, name in ipairs({'attachments', 'files'}) do
    for _, file in ipairs(type(mail[name]) == 'table' and mail[name] or {}) do
      if type(file) == 'table' and type(file.blob) == 'string' then files[#files + 1] = file.blob end
    end
  end
  return files
end

-- The contact names the files of this text (JSON) for so many ms.
local function name_files(prefix, text, contact, ms)
  if not (string.find(text, '"blob":', 1, true) or string.find(text, '"original":', 1, true) or
          string.find(text, '"whole":', 1, true)) then return end
  for _, file in ipairs(files_of(decoded(text))) do
    for key, member in pairs({[prefix .. 'mail:file:' .. file] = contact, [prefix .. 'mail:files:' .. contact] = file}) do
      redis.call('SADD', key, member)
      if redis.call('PTTL', key) < tonumber(ms) then redis.call('PEXPIRE', key, ms) end
    end
  end
end
